"""The comparison on the console: what each candidate is worth and costs, and how it differs from the chosen one."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from finetrail.commands.compare.comparison import Compared, Comparison
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import rounded


def table(found: Comparison) -> Iterator[RenderableType]:
    """All candidates, best first; a star marks the chosen one."""
    metric = found.metric
    yield _table(
        ["candidate", metric.title, "interval", "total", *(kind.column for kind in found.columns)],
        [
            [
                _name(found, one),
                metric.say(one.value.value),
                between(metric, one.value),
                rounded(one.total_parameters),
                *(kind.say(one.costs[kind.name]) for kind in found.columns),
            ]
            for one in found.candidates
        ],
    )
    yield Text()
    yield _table(
        ["candidate", f"minus {found.chosen}", "interval", "answers differ", *found.of_each, "Pareto front with"],
        [
            [
                _name(found, one),
                metric.say(one.difference.value),
                between(metric, one.difference),
                f"{one.differs[found.chosen]:.1%}",
                *(said.get(one.candidate, "") for said in found.of_each.values()),
                ", ".join(kind.column for kind in found.costs if one.candidate in found.fronts[kind.name]),
            ]
            for one in found.candidates
        ],
    )
    if found.assessed:
        yield Text()
    yield from (Text(f"{name} of {found.chosen}: {said}") for name, said in found.assessed.items())


def between(metric: Metric, interval: Interval) -> str:
    """Both ends of an interval."""
    return f"{metric.say(interval.low)} to {metric.say(interval.high)}"


def _name(found: Comparison, one: Compared) -> str:
    return one.candidate + (" *" if one.candidate == found.chosen else "")


def _table(titles: list[str], rows: list[list[str]]) -> Table:
    # As wide as its cells: on a narrow console a number that is cut is a wrong one, and a line that wraps is not.
    widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    made = Table(box=None, header_style="bold", pad_edge=False, width=sum(widths) + 2 * (len(widths) - 1))
    for title in titles:
        left = title in ("candidate", "Pareto front with")
        made.add_column(title, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made
