"""`finetrail preview`: examples as a model will read them, with what it learns of each, before any training."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from rich.text import Text

from finetrail.data.shown import for_terminal
from finetrail.data.store.shards import Contents
from finetrail.models.inputs import Inputs, Pieced
from finetrail.progress import Track, quiet
from finetrail.search.candidate import Searched
from finetrail.tasks.task import Built, Task
from finetrail.training.work import Rows, encode_split, new_model, read_rows
from finetrail.workspace import Workspace

_SPLIT = "train"
_STYLE = "bold green"


@dataclass(frozen=True)
class Piece:
    """A part of what a model reads. Attributes: learnt: whether it learns to write it."""

    text: str
    learnt: bool


@dataclass(frozen=True)
class Example:
    """An example. Attributes: id: of its row; label: where what is read does not hold it."""

    id: str
    pieces: tuple[Piece, ...]
    label: str | None = None


@dataclass(frozen=True)
class Shown:
    """What `preview` found.

    Attributes:
        examples: the first ones of the training split.
        rows: how many there are in it.
        unlearnt: of how many rows nothing is learnt after the cut; None where a label is learnt of each.
    """

    examples: tuple[Example, ...]
    rows: int
    unlearnt: int | None

    @property
    def said(self) -> str:
        """The line below the examples."""
        if self.unlearnt is None:
            return f"of each of {self.rows} rows the label is learnt, from what the model reads as above"
        share = 100 * self.unlearnt / self.rows
        return f"nothing is learnt after the cut in {self.unlearnt} of {self.rows} rows ({share:.1f}%)"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def preview(
    workspace: Workspace, task: Task, candidate: Searched, *, seed: int, most: int, track: Track = quiet
) -> Shown:
    """Read the training split as `train` does, and train nothing.

    Args:
        candidate: with open settings, it is read at the first point of its space.
        most: how many examples to show.

    Raises:
        WorkspaceError: the rows are missing, or were made for another task.
        TrainingError: nothing can be learned from them.
        ModelError: the backbone cannot be loaded.
    """
    settled = candidate.points[0]
    rows = read_rows(workspace, task, settled.train)
    built = new_model(workspace, task, settled, rows, seed)
    inputs = encode_split(workspace, built, rows, _SPLIT, settings=settled.train, track=track)
    count, first = len(rows.labels[_SPLIT]), range(min(most, len(inputs)))
    ids = rows.frames[_SPLIT]["id"].tolist()
    if not isinstance(inputs, Pieced):
        return Shown(tuple(_labelled(workspace, built, rows, inputs, first)), count, None)
    examples = tuple(Example(ids[inputs.rows[one]], _pieces(inputs, one)) for one in first)
    every = track(range(len(inputs)), total=len(inputs), what="looking for what is learnt")
    learnt = {inputs.rows[one] for one in every if any(learnt for _, learnt in inputs.pieces(one))}
    return Shown(examples, count, count - len(learnt))


def lines(example: Example, *, marked: bool) -> Iterator[Text]:
    """An example for a terminal, what is learnt in colour. Args: marked: in `[[` and `]]` too, for want of colour."""
    yield Text(f"row {for_terminal(example.id)}")
    pieces = example.pieces if example.label is None else (*example.pieces, Piece(f"\n{example.label}", True))
    line = Text("  ")
    for piece in pieces:
        for number, part in enumerate(piece.text.split("\n")):
            if number:
                yield line
                line = Text("  ")
            shown = for_terminal(part)
            if shown and piece.learnt:
                line.append(f"[[{shown}]]" if marked else shown, style=_STYLE)
            else:
                line.append(shown)
    yield line


def _pieces(inputs: Pieced, index: int) -> tuple[Piece, ...]:
    return tuple(Piece(text, learnt) for text, learnt in inputs.pieces(index))


def _labelled(
    workspace: Workspace, built: Built, rows: Rows, inputs: Inputs, first: Sequence[int]
) -> Iterator[Example]:
    """Examples of which a label is learnt."""
    wanted = max((inputs.rows[one] for one in first), default=-1) + 1
    contents = list(islice(Contents(workspace.split(_SPLIT), built.task.content.name), wanted))
    ids, labels = rows.frames[_SPLIT]["id"].tolist(), rows.labels[_SPLIT]
    for one in first:
        row = inputs.rows[one]
        (seen,) = built.processor.show(inputs.batch([one]))
        label = built.task.target.said(labels[row], contents[row])
        yield Example(ids[row], (Piece(seen.text or f"({built.task.content.noun})", False),), label)
