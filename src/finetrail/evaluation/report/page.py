"""What the test reports of all kinds of problem have in common: choice, data, lineage, and how a page is made.

Self-contained: style and pictures are inline, nothing is fetched and no script runs, which the page's own content
security policy enforces. Equal input gives equal bytes. All text is escaped, for a data set may hold anything.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Generic, Protocol, TypeVar

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from finetrail.evaluation.bootstrap import Interval
from finetrail.evaluation.report.drawing import number
from finetrail.evaluation.report.figures import Panel, curves_figure
from finetrail.evaluation.report.gallery import Shown, excerpt, show
from finetrail.evaluation.report.previews import Preview, Seen
from finetrail.evaluation.selection import Choice
from finetrail.targets.problem import METRICS, amount

MISTAKES = 24
"""Mistakes that are shown; errors.csv lists more."""
SEALED = "How many different models were scored on these test rows is in the ledger: finetrail history."
"""A report is a function of files, and so cannot say how many they are."""


class Identified(Protocol):
    """What is said of one row."""

    @property
    def id(self) -> str: ...


class Evaluated(Protocol):
    """What every report says of a model on the test rows."""

    @property
    def rows(self) -> int: ...

    @property
    def metrics(self) -> Mapping[str, Interval]: ...

    @property
    def confidence(self) -> float: ...

    @property
    def resamples(self) -> int: ...

    @property
    def mistakes(self) -> Sequence[Identified]: ...


EvaluatedT_co = TypeVar("EvaluatedT_co", bound=Evaluated, covariant=True)


@dataclass(frozen=True)
class SplitFacts:
    """How the data was divided, for the section on data."""

    method: str
    near: str
    rows: Mapping[str, int]
    """Rows by what became of them: ingested, quarantined_by_validation, quarantined_by_split, train, val, test."""
    sha256: Mapping[str, str]
    exact_groups: int
    near_pairs: int
    removed: int

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "SplitFacts":
        """Take the facts from the content of split.json."""
        near, leakage = value["near"], value["leakage"]
        return SplitFacts(
            method=value["method"],
            near=", ".join(
                [
                    str(near["method"]),
                    *(f"{key.replace('_', ' ')} {near[key]}" for key in sorted(near) if key != "method"),
                ]
            ),
            rows=dict(value["rows"]),
            sha256=dict(value["sha256"]),
            exact_groups=int(leakage["exact_groups"]),
            near_pairs=int(leakage["near_pairs"]),
            removed=len(leakage["removed"]),
        )


@dataclass(frozen=True)
class Report(Generic[EvaluatedT_co]):
    """All that the report shows.

    Attributes:
        model: says in a few words what was fine-tuned.
        previews: what rows hold, by id; those that its page wants are shown, and what is missing is left out.
        seen: training examples as the model sees them.
        lineage: shown as it is given.
    """

    project: str
    task: str
    model: str
    evaluation: EvaluatedT_co
    previews: Mapping[str, Preview]
    seen: Sequence[Seen]
    choice: Choice
    panels: Sequence[Panel]
    split: SplitFacts
    lineage: Mapping[str, str]


def fill(template: str, report: Report[Evaluated], wanted: set[str], *, asked: str, **own: Any) -> str:
    """Make the page.

    Args:
        template: beside this file.
        wanted: ids of the rows to show.
        asked: what the model is asked for, in a word.
        own: what this template needs, beside what all need.
    """
    choice = report.choice
    ends = [(one.low, one.high) for one in choice.ranking]
    shown = {row: show(report.previews[row]) for row in sorted(wanted & set(report.previews))}
    curves = [figure for figure in (curves_figure(panel) for panel in report.panels) if figure is not None]
    return (
        _environment()
        .get_template(template)
        .render(
            report=report,
            evaluation=report.evaluation,
            choice=choice,
            metric=METRICS[choice.metric],
            validation=choice.winner.value,
            tested=report.evaluation.metrics[choice.metric],
            titles=METRICS,
            sealed=SEALED,
            asked=asked,
            pictures={row: one for row, one in shown.items() if one.address},
            seen=[(one.label, _seen(one.preview)) for one in report.seen],
            curves=curves,
            scale=(min(low for low, _ in ends), max(high for _, high in ends)),
            mistakes=[(one, shown.get(one.id, Shown())) for one in report.evaluation.mistakes[:MISTAKES]],
            **own,
        )
    )


def _seen(preview: Preview) -> Shown:
    """The end of a text is shown too, for there it was cut."""
    return show(preview) if preview.picture else Shown(text=excerpt(preview.text, end=120))


def _environment() -> Environment:
    here = files("finetrail.evaluation")
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: here.joinpath(name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        amount="{:,}".format,
        score="{:.3f}".format,
        figure=amount,
        signed=lambda value: ("+" if value > 0 else "") + amount(value),
        percent=lambda share: f"{100 * share:.1f}%",
        width=lambda share: f"{number(100 * min(1.0, max(0.0, share)))}%",
        within=lambda value, scale: (value - scale[0]) / ((scale[1] - scale[0]) or 1.0),
        code=_code,
    )
    return environment


def _code(text: str) -> Markup:
    """Escape, and set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
