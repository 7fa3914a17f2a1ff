"""The worst mistakes on validation rows, explained: as one table from which all numbers come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from finetrail.assessment.answered import answer_split, open_split, seconds_a_row
from finetrail.assessment.assessed import Given
from finetrail.assessment.explanations.gradients import attributed
from finetrail.assessment.explanations.neighbours import NEIGHBOURS
from finetrail.assessment.explanations.settings import Explanations
from finetrail.assessment.nearest import features_of, nearest
from finetrail.data.store.shards import pick
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.progress import duration
from finetrail.targets.codec import Answers

BACKWARD = 2
"""A pass with gradients takes about so many times as long as one without."""


@dataclass(frozen=True)
class Explaining:
    """What was found.

    Attributes:
        table: of all validation rows: id, label, group if there are groups, the columns of the answers, and the
            similarity of the nearest training row; of those that are explained also `rank` (from 0, else -1) and what
            explains them.
        marked: the rows that are explained with their parts marked, by id.
        known: id and label of the training rows.
    """

    table: pd.DataFrame
    marked: Mapping[str, Markup]
    known: pd.DataFrame


def explained(given: Given, settings: Explanations) -> Explaining:
    """Answer the validation rows, rank the mistakes as the test report does, and explain the worst.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    built, codec, scratch = given.built, given.built.codec, given.workspace.scratch
    val, train = (open_split(given, name) for name in ("val", "train"))
    rows, known = val.rows, train.rows
    passes = 2 * len(rows) + len(known) + BACKWARD * settings.steps * min(len(rows), settings.max_rows)
    takes = duration(seconds_a_row(given, val) * passes)
    given.tell(f"{len(rows)} rows and {len(known)} training rows: about {takes}")
    answers = answer_split(given, val)
    own, others = (features_of(built, one.contents, scratch=scratch, track=given.track) for one in (val, train))
    places, similarities = nearest(own, others, NEIGHBOURS)
    table = _table(rows, codec.columns(answers), similarities[:, 0])
    ranked = codec.judge.evaluate(rows, answers, Draws(1, 0), {}).worst  # without its intervals
    worst = [one.id for one in ranked[: settings.max_rows]]
    row_of = {row: place for place, row in enumerate(rows["id"])}
    picked = pick(given.workspace.split("val"), built.task.content.name, worst)
    marked, found = {}, {}
    for rank, row in enumerate(given.track(worst, total=len(worst), what="explaining")):
        place = row_of[row]
        done = _explained(given, picked[row], rows["label"][place], _only(answers, place), settings.steps)
        if done is None:
            continue
        one, marked[row] = done
        neighbours = known["id"].to_numpy()[places[place]].tolist()
        found[row] = {"rank": rank, **one, "neighbours": neighbours, "similarities": similarities[place].tolist()}
    return Explaining(_with(table, found), marked, known[["id", "label"]])


def _explained(
    given: Given, content: Any, label: Any, answers: Answers, steps: int
) -> tuple[dict[str, Any], Markup] | None:
    """What explains one mistake: columns of the table, and the row with its parts marked.

    None where the model read nothing of what is wrong.
    """
    built = given.built
    inputs = built.processor.encode([content])
    output = built.learning.explained(label, answers, inputs)
    if output is None:
        return None
    one = built.task.content.networks().explainable(built.model, built.processor, content)[output.example]
    found = attributed(built.model, one, output, steps)
    columns = {
        "explained": output.said,
        "compared": one.compared,
        "output": found.output,
        "baseline": found.baseline,
        "parts": list(one.parts.names),
        "attributions": found.values.tolist(),
    }
    return columns, one.parts.shown(found.values)


def _only(answers: Answers, place: int) -> Answers:
    """The answer to one row."""
    mask = np.zeros(len(answers), dtype=np.bool_)
    mask[place] = True
    return answers[mask]


def _table(rows: pd.DataFrame, columns: Mapping[str, Any], near: Any) -> pd.DataFrame:
    groups = {"group": rows["group"]} if rows["group"].notna().any() else {}
    return pd.DataFrame({"id": rows["id"], "label": rows["label"], **groups, **columns, "nearest": near})


def _with(table: pd.DataFrame, found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Add the columns of the rows that are explained."""
    nothing: dict[str, Any] = {"rank": -1, "explained": "", "compared": "", "output": np.nan, "baseline": np.nan}
    nothing |= {name: [] for name in ("parts", "attributions", "neighbours", "similarities")}
    added = {name: [found.get(row, {}).get(name, empty) for row in table["id"]] for name, empty in nothing.items()}
    return table.assign(**{name: pd.Series(values) for name, values in added.items()})
