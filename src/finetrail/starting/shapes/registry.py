"""The shapes of data, in the order in which they are tried: what few files look like before what many do."""

from collections.abc import Sequence
from importlib import import_module

from finetrail.starting.shape import Shape

_MODULES = (
    *("targets", "boxes", "box_rows", "objects", "masks", "folders", "chat", "spans", "tags"),
    *("class_sets", "numbers", "classes", "sequences"),
)


def all_shapes() -> Sequence[Shape]:
    """Every shape."""
    return [one for module in _MODULES for one in import_module(f"finetrail.starting.shapes.{module}").SHAPES]
