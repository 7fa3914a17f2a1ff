"""The test report as one page: the parts that all kinds of target share, around the target's own story.

The page is self-contained: style and figures are inline. Its content security policy forbids fetches and scripts.
Equal input gives equal bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.evaluation.report.figures import Panel, curves_figure
from finetrail.evaluation.report.gallery import Shown, excerpt, show
from finetrail.evaluation.report.previews import Preview, read_seen
from finetrail.evaluation.report.section import Section, Story, render
from finetrail.evaluation.scores.bootstrap import Draws, Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice

MISTAKES = 24
"""Mistakes that a report shows; errors.csv lists more."""
SEALED = "How many different models were scored on these test rows is in the ledger: finetrail history."
"""A report is a function of files, and so cannot say how many they are."""
_PARTS = [("train", "training"), ("val", "validation"), ("test", "test")]


@dataclass(frozen=True)
class SplitFacts:
    """The division of the data, for the section on data."""

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
class Report:
    """The content of the page.

    Attributes:
        model: names the fine-tuned model in a few words.
        rows: of the test split.
        metrics: on the test split; `metric` decided between the candidates.
        compared: what it says of answers that need no model, and of declared slices.
        searched: what it says of the search for the candidate's settings.
        seen: training examples as the model sees them, and their targets in a few words.
        lineage: shown as given.
    """

    project: str
    task: str
    model: str
    rows: int
    metrics: Mapping[str, Interval]
    metric: Metric
    draws: Draws
    story: Story
    seen: Sequence[tuple[str, Shown]]
    choice: Choice
    panels: Sequence[Panel]
    split: SplitFacts
    lineage: Mapping[str, str]
    compared: Sequence[Section] = ()
    searched: Sequence[Section] = ()


def page(report: Report) -> str:
    """The report as one HTML document."""
    sections = [
        *report.story.sections,
        *report.compared,
        _choice(report),
        *report.searched,
        *_seen(report),
        _data(report),
        _lineage(report),
    ]
    return str(
        render(
            "page.html.jinja",
            report=report,
            story=report.story,
            sections=sections,
            metric=report.metric,
            validation=report.choice.winner.value,
            tested=report.metrics[report.metric.name],
        )
    )


def _choice(report: Report) -> Section:
    choice = report.choice
    ends = [(one.low, one.high) for one in choice.ranking]
    curves = [figure for figure in (curves_figure(panel) for panel in report.panels) if figure is not None]
    scale = (min(low for low, _ in ends), max(high for _, high in ends))
    html = render("choice.html.jinja", choice=choice, metric=report.metric, curves=curves, scale=scale)
    return Section("choice", "Why this candidate", html)


def _seen(report: Report) -> list[Section]:
    if not report.seen:
        return []
    html = render("seen.html.jinja", seen=report.seen, asked=report.story.asked)
    return [Section("seen", "Seen in training", html)]


def seen_in(path: Path, picture: Callable[[Any, Shown], Shown]) -> list[tuple[str, Shown]]:
    """The training examples of a seen.json for `Report.seen`. Args: picture: draws what is learnt of one on it."""
    return [(one.label, picture(one.learnt, as_seen(one.preview))) for one in read_seen(path)]


def as_seen(preview: Preview) -> Shown:
    """Prepare a preview of a training example. Show the end of a text too, because it was cut there."""
    return show(preview) if preview.image else Shown(text=excerpt(preview.text, end=120))


def _data(report: Report) -> Section:
    html = render("data.html.jinja", split=report.split, rows=report.split.rows, sealed=SEALED, parts=_PARTS)
    return Section("data", "Data", html)


def _lineage(report: Report) -> Section:
    return Section("lineage", "Lineage", render("lineage.html.jinja", lineage=report.lineage))


def capital(title: str) -> str:
    """A metric's title at the start of a line; one whose first word has capitals, such as `mAP` or `chrF`, stays."""
    first = title.partition(" ")[0]
    return title if first != first.lower() else title[:1].upper() + title[1:]
