"""The suspects that a report shows: the most suspicious rows, with the rows that are most like them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.assessment.labels.doubted import Doubted, both_drawn
from finetrail.assessment.labels.neighbours import neighbours
from finetrail.assessment.labels.rows import Examined, contents_of
from finetrail.assessment.labels.settings import Labels
from finetrail.assessment.labels.suspects import Ranked, order_of
from finetrail.assessment.nearest import row_means
from finetrail.evaluation.report.gallery import Shown, show


@dataclass(frozen=True)
class Like:
    """A row that is like a suspect. Attributes: label: for people; cosine: of their features."""

    id: str
    shown: Shown
    label: str
    cosine: float


@dataclass(frozen=True)
class Suspect(Doubted):
    """A row whose label is suspicious. Attributes: flagged: whether it counts as wrong."""

    flagged: bool
    neighbours: tuple[Like, ...]


def suspects_of(given: Given, known: Examined, found: Ranked, settings: Labels) -> list[Suspect]:
    """The most suspicious rows first, as many as the settings ask for."""
    rows, suspicion, target = known.rows, found.suspicion, given.built.task.target
    order = order_of(suspicion)[: settings.max_shown]
    like = neighbours(row_means(found.features, len(rows)), order, settings.neighbours)
    wanted = sorted({*order, *(one.place for some in like for one in some)})
    contents = contents_of(given, rows.iloc[wanted])
    gallery = {row: show(given.built.processor.preview(content)) for row, content in contents.items()}
    ids, labels = rows["id"].tolist(), known.labels

    def say(place: int, label: Any) -> str:
        return "" if label is None else target.said(label, contents[ids[place]])

    def alike(place: int, cosine: float) -> Like:
        shown = target.picture(labels[place], gallery[ids[place]])
        return Like(ids[place], shown, say(place, labels[place]), cosine)

    suspects = []
    for place, some in zip(order, like, strict=True):
        new = suspicion.suggestions[place]
        suspects.append(
            Suspect(
                ids[place],
                str(rows["split"][place]),
                gallery[ids[place]],
                both_drawn(target, gallery[ids[place]], labels[place], new),
                say(place, labels[place]),
                say(place, new),
                (target.key(labels[place]), "" if new is None else target.key(new)),
                float(suspicion.quality[place]),
                bool(suspicion.flagged[place]),
                tuple(alike(*one) for one in some),
            )
        )
    return suspects


def described(given: Given, known: Examined, found: Ranked, suspects: Sequence[Suspect]) -> dict[str, Any]:
    """The content of labels.json. All but the neighbours follow from predictions.parquet and `target`."""
    flagged = pd.Series(found.suspicion.flagged)
    by_split = flagged.groupby(known.rows["split"]).agg(["size", "sum"])
    return {
        "rows": len(known.rows),
        "expected": int(flagged.sum()),
        "expected_share": float(flagged.mean()),
        # Lists: `dvc metrics show` would make a column of every number in a mapping.
        "splits": [
            {"split": str(name), "rows": int(counts["size"]), "expected": int(counts["sum"])}
            for name, counts in by_split.sort_index().iterrows()
        ],
        "target": [found.codec.described()],
        "suspects": [_as_json(one) for one in suspects],
    }


def _as_json(suspect: Suspect) -> dict[str, Any]:
    label, suggestion = suspect.cells
    return {
        "id": suspect.id,
        "split": suspect.split,
        "label": label,
        "suggestion": suggestion,
        "quality": suspect.quality,
        "flagged": suspect.flagged,
        "neighbours": [{"id": one.id, "label": one.label, "cosine": one.cosine} for one in suspect.neighbours],
    }
