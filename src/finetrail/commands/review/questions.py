"""What a review asks: the suspects of `assess.labels`, with their contents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetrail.assessment.labels.doubted import Doubted, both_drawn
from finetrail.data.sources.columns import Columns
from finetrail.data.store.shards import pick
from finetrail.evaluation.report.gallery import show
from finetrail.evaluation.selection import Choice
from finetrail.targets.target import Target
from finetrail.tasks.registry import load_model
from finetrail.workspace import Workspace, need, read_json


@dataclass(frozen=True)
class Question(Doubted):
    """A suspect. Attributes: neighbours: id, label and cosine of the rows that are most like it."""

    neighbours: Sequence[dict[str, Any]]


def questions(workspace: Workspace, target: Target, columns: Columns) -> list[Question]:
    """The suspects of the last assessment, the most suspicious first.

    Raises:
        WorkspaceError: there is none, or it is of other data.
    """
    written = read_json(need(workspace.assessment("labels") / "labels.json", "assess"))
    chosen = Choice.from_json(read_json(need(workspace.selection_report, "select"))).chosen
    built = load_model(need(workspace.model(chosen), "train"))
    suspects = written["suspects"]
    contents: dict[str, Any] = {}
    for split in sorted({one["split"] for one in suspects}):
        own = {one["id"] for one in suspects if one["split"] == split}
        contents |= pick(workspace.split(split), built.task.content.name, own)

    def asked(one: dict[str, Any]) -> Question:
        row, cells = one["id"], (one["label"], one["suggestion"])
        label, new = (target.from_cell(f"row {row}", cell, columns) if cell else None for cell in cells)
        shown = show(built.processor.preview(contents[row]))
        said = (target.said(label, contents[row]), "" if new is None else target.said(new, contents[row]))
        drawn = both_drawn(target, shown, label, new)
        return Question(row, one["split"], shown, drawn, *said, cells, one["quality"], one["neighbours"])

    return [asked(one) for one in suspects]
