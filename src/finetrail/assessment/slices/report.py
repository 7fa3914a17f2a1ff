"""The report on slices: a self-contained page."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from finetrail.assessment.assessed import Given
from finetrail.assessment.drawn import drawn_beside
from finetrail.assessment.slices.scores import Measured, Tested
from finetrail.assessment.spoken import spoken
from finetrail.data.store.shards import pick
from finetrail.evaluation.report.forest import slices_figure
from finetrail.evaluation.report.gallery import Shown, show
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import render

_HERE = "finetrail.assessment.slices"
EACH = 3
"""Rows of each slice that the report shows."""


@dataclass(frozen=True)
class Example:
    """A row of a slice, and the answer to it.

    Attributes:
        drawn: the row with its label and its answer drawn on it; empty where these name no places in it.
    """

    shown: Shown
    label: str
    answer: str
    drawn: tuple[Shown, ...]


def page(given: Given, measured: Measured, table: pd.DataFrame) -> str:
    """The report as one HTML document. All text is escaped by its template."""
    return str(
        render(
            "page.html.jinja",
            _HERE,
            candidate=given.candidate,
            task=given.built.task.name,
            measured=measured,
            metric=measured.metric,
            title=capital(measured.metric.title),
            figure=slices_figure(measured.table),
            examples={one.number: _worst_rows(given, table, one) for one in measured.found},
            declared=declared(measured.found),
            level=f"{measured.table.draws.confidence * 100:g}%",
        )
    )


def declared(found: Sequence[Tested]) -> str:
    """Slices as section `selection` of params.yaml declares them; empty where only clusters were found."""
    slices = {one.about.name: dict(one.about.parts) for one in found if one.about.cluster is None}
    if not slices:
        return ""
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump({"selection": {"slices": slices}}, text)
    return text.getvalue()


def _worst_rows(given: Given, table: pd.DataFrame, one: Tested) -> list[Example]:
    """The rows of a slice with the largest errors, of either half; equals by id."""
    built = given.built
    own = table[np.array([one.number in numbers for numbers in table["slices"]], dtype=np.bool_)]
    own = own.assign(order=-own["error"]).sort_values(["order", "id"]).head(EACH).reset_index(drop=True)
    answers, target = built.codec.read(own), built.task.target
    said = built.codec.say(answers)
    contents = pick(given.workspace.split("val"), built.task.content.name, set(own["id"]))
    found = []
    for place, (row, label) in enumerate(zip(own["id"], own["label"], strict=True)):
        shown = show(built.processor.preview(contents[row]))
        drawn = drawn_beside(target, built.codec, shown, label, (answers, place))
        found.append(Example(shown, target.key(label), spoken(said, place), drawn))
    return found
