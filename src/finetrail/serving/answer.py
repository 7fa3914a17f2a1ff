"""Answers of a trained model: the same code for the pipeline, the gate and the registered model."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from finetrail.data.store.shards import Contents
from finetrail.errors import DataError
from finetrail.progress import Track, quiet
from finetrail.targets.codec import Placing
from finetrail.targets.options import Options

if TYPE_CHECKING:  # code that only interprets answers imports no torch
    from finetrail.models.inputs import Inputs, Values
    from finetrail.tasks.task import Built

BATCH = 64
_NOTHING = Options()


def answer(built: "Built", contents: Sequence[Any], options: Options = _NOTHING, track: Track = quiet) -> pd.DataFrame:
    """The model's answer to each content, in the order given, in the columns of its target.

    Raises:
        DataError: a content cannot be read; the message names the row, and says how many more there are. Or the model
            cannot do what the options ask for.
    """
    if not len(contents):
        kinds = {"string": str, "double": float, "long": int}
        columns = {**built.codec.kinds, **options.added}
        return pd.DataFrame({name: pd.Series(dtype=kinds.get(kind, object)) for name, kind in columns.items()})
    answers, inputs = _answered(built, contents, options, track=track)
    more = options.more(built.codec, answers, inputs) if options.added else {}
    return pd.DataFrame({**built.codec.say(answers), **more})


def stream(built: "Built", content: Any, options: Options = _NOTHING) -> "Iterator[str]":
    """The text that the model answers to one content, in pieces, while it writes.

    Raises:
        DataError: see `answer`.
    """
    from finetrail.inference.device import lay_out

    with _named_rows(built, [content]):
        inputs: Any = options.asked(built.processor.encode([content]))
    lay_out(built.model)
    device = next(built.model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in inputs.batch([0]).items()}
    pieces: Iterator[str] = inputs.writing.told(built.model.stream(batch))
    return pieces


def answers_to(
    built: "Built", contents: "Values", *, scratch: Path | None = None, track: Track = quiet, what: str = "predicting"
) -> Any:
    """The model's answers, as its codec has them.

    Args:
        scratch: a folder for what is too large for memory.

    Raises:
        DataError: a content cannot be read; the message names the row, and says how many more there are.
    """
    return _answered(built, contents, _NOTHING, scratch=scratch, track=track, what=what)[0]


def answers_to_changed(
    built: "Built", names: Sequence[str], was: Sequence[Any], became: Sequence[Any], *, scratch: Path | None = None
) -> Any:
    """The model's answers to perturbed contents. Answers that name places name those of the contents as they were.

    Args:
        names: of the perturbation of each; "" for none.
    """
    answers = answers_to(built, became, scratch=scratch)
    if not isinstance(built.codec, Placing):
        return answers
    moved = built.task.content.moved(names, was, became)
    return answers if moved is None else built.codec.back(answers, moved)


def answers_of_split(built: "Built", split: Path, *, scratch: Path, track: Track, what: str) -> Any:
    """The model's answers to the rows of a split. Args: split: its folder."""
    contents = Contents(split, built.task.content.name)
    return answers_to(built, contents, scratch=scratch, track=track, what=what)


def _answered(
    built: "Built",
    contents: "Values",
    options: Options,
    *,
    scratch: Path | None = None,
    track: Track,
    what: str = "predicting",
) -> tuple[Any, "Inputs"]:
    """The model's answers, and the encoded contents."""
    from finetrail.inference.predict import predict

    with _named_rows(built, contents):
        inputs = options.asked(built.processor.encode(contents, scratch=scratch))
        kept = predict(built.model, inputs, built.learning.keep, BATCH, track=track, what=what)
    return built.learning.answers(kept, inputs), inputs


@contextmanager
def _named_rows(built: "Built", contents: "Values") -> Iterator[None]:
    """Within this context, an error about a content says which rows cannot be read."""
    try:
        yield
    except DataError as error:
        found = built.task.content.faults(list(contents))
        if not found:
            raise
        raise type(error)(_listed(found, len(contents))) from error


def _listed(found: Mapping[int, str], rows: int) -> str:
    place = min(found)
    others = f" (and {len(found) - 1} more bad rows)" if len(found) > 1 else ""
    return f"row {place + 1} of {rows}: {found[place]}{others}"
