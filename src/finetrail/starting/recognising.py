"""Which shape a user's data has."""

from collections.abc import Sequence

from finetrail.errors import SourceError
from finetrail.starting.looking import Data
from finetrail.starting.shape import Seen, Shape
from finetrail.starting.shapes.registry import all_shapes
from finetrail.tasks.registry import get_task


def recognise(data: Data) -> tuple[Shape, Seen]:
    """The first shape that data has, and what was seen.

    Raises:
        ConfigError: there is no such task, or something cannot be told, and nobody is there to ask.
        SourceError: the data cannot be read, or has no shape that is known.
    """
    task = data.asked.task
    shapes = [shape for shape in all_shapes() if task in (None, *shape.task)]
    if task is not None and not shapes:
        get_task(task)
    for shape in shapes:
        seen = shape.recognise(data)
        if seen is not None:
            return shape, seen
    raise SourceError(_unknown(data, shapes))


def _unknown(data: Data, shapes: Sequence[Shape]) -> str:
    """Why no shape fits, and what to do."""
    if data.asked.task is not None:
        looks = "; or ".join(dict.fromkeys(shape.looks for shape in shapes))
        recipes = " or ".join(dict.fromkeys(f"`finetrail use {shape.recipe}`" for shape in shapes))
        return (
            f"{data.name} does not look like data for {data.asked.task}, which is {looks}; name columns with "
            f"--text and --label, or begin with {recipes} and name them there"
        )
    table = data.table
    if table is not None:
        known = ", ".join(f"{name!r}" for name in [*table.columns][:20]) or "none"
        unnamed = [flag for flag, given in (("--text", data.asked.text), ("--label", data.asked.labels)) if not given]
        flags = " and ".join(f"{flag} COLUMN" for flag in unnamed) or "--task TASK"
        return (
            f"{data.name}: its columns do not say which is read and which is learnt (it has {known}); name them with "
            f"{flags}, or begin with a recipe: `finetrail use` lists them"
        )
    known = ", ".join(dict.fromkeys(f"{shape.task[0]} (`finetrail use {shape.recipe}`)" for shape in shapes))
    return f"{data.name} looks like none of the data that is known; begin with the recipe of your task: {known}"
