"""What params.yaml may say of masks, beside their rules. Light: the command line reads this before any work."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.evaluation.slices import SHARES, SplitRows
from finetrail.targets.masks.label import BACKGROUND, names_in, objects_in
from finetrail.targets.slices import LabelSlice

if TYPE_CHECKING:
    from finetrail.evaluation.slices import Rows

MOST_CLASSES = 255
_Byte = Annotated[int, Field(ge=0, le=255)]
_Value = Annotated[int, Field(ge=0, le=0xFFFF)]
Colour = Annotated[tuple[_Byte, _Byte, _Byte], Field(strict=False)]
_Ignored = Annotated[
    tuple[_Value | Colour, ...],
    Field(strict=False),
    BeforeValidator(lambda value: [value] if isinstance(value, int) else value),
]


class MaskColumns(Columns):
    """Where the masks of images are, and what their pixels mean. COCO's JSON needs none of it.

    Attributes:
        label: the column with the mask: a path, bytes, or regions.
        classes: the classes by value: a list from 0, or a name for each value.
        palette: the colour of each class, of masks in colour.
        ignore: values, or colours, of pixels that are neither learnt nor scored.
        instances: whether each value above 0 is an object of its own, of the second of two classes.
    """

    label: ColumnName = "mask"
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | dict[_Value, str] | None = None
    palette: dict[str, Colour] | None = Field(None, min_length=1)
    ignore: _Ignored = ()
    instances: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    @property
    def values(self) -> Mapping[int, str]:
        """The class of each value that has one."""
        return self.classes if isinstance(self.classes, dict) else dict(enumerate(self.classes or ()))

    @property
    def named(self) -> Sequence[str]:
        """The classes that may have files of their own: where there are several."""
        names = [name for name in self.values.values() if name != BACKGROUND]
        return names if len({*names}) > 1 else ()

    def of_class(self, name: str | None) -> Self:
        """What the values of a file mean that is of a class alone; None: of all."""
        return self if name is None else self.model_copy(update={"classes": (BACKGROUND, name)})

    @property
    def colours(self) -> Mapping[Colour, str | None]:
        """The class of each colour that has one, None for those to ignore."""
        return {colour: name for name, colour in (self.palette or {}).items()} | dict.fromkeys(
            one for one in self.ignore if isinstance(one, tuple)
        )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.classes is not None and self.palette is not None:
            raise ValueError("`classes` names values and `palette` colours; give the one that the masks have")
        if self.instances and {*self.values} != {0, 1}:
            raise ValueError(
                "`instances` takes each value above 0 as an object, so `classes` must name two: "
                f"[{BACKGROUND}, the objects]"
            )
        if self.palette is not None and len({*self.palette.values()}) < len(self.palette):
            raise ValueError("`palette` has one colour for two classes; give each its own")
        if len({*self.values.values(), *(self.palette or ())}) > MOST_CLASSES:
            raise ValueError(f"there can be at most {MOST_CLASSES} classes; put some together")
        named = {*self.values, *(self.palette or {}).values()}
        both = next((one for one in self.ignore if one in named and not self.instances), None)
        if both is not None:
            raise ValueError(f"`ignore` has {both}, which is a class too; remove it from one of the two")
        in_colour = [isinstance(one, tuple) for one in self.ignore]
        if in_colour and (not all(in_colour) if self.palette else any(in_colour)):
            raise ValueError(
                "`ignore` is a list of colours, such as [[255, 255, 255]], with `palette`, and of values, such as "
                "[255], else; correct it"
            )
        return self


class MaskSlice(LabelSlice):
    """A slice of images with pixels of a class, by how many objects they have, or by how much of them has a class.

    Attributes:
        min_objects, max_objects: regions of an image.
        min_covered, max_covered: share of its pixels that are in a region, 0 to 1.
    """

    min_objects: int | None = Field(default=None, ge=0)
    max_objects: int | None = Field(default=None, ge=0)
    min_covered: float | None = Field(default=None, ge=0, le=1)
    max_covered: float | None = Field(default=None, ge=0, le=1)

    @classmethod
    def names(cls, label: Any) -> Iterable[str]:
        return names_in(label)

    @classmethod
    def offered(cls, split: SplitRows) -> list[dict[str, Any]]:
        import numpy as np

        found: list[dict[str, Any]] = []
        for name, values in (("objects", _objects(split)), ("covered", _covered(split))):
            bounds = np.unique(np.quantile(values, SHARES, method="lower")).tolist() if len(values) else []
            found += [{f"max_{name}": bound} for bound in bounds] + [{f"min_{name}": bound} for bound in bounds]
        return [*super().offered(split), *found]

    def rows(self, split: SplitRows) -> "Rows":
        found = super().rows(split)
        for values, low, high in (
            (_objects, self.min_objects, self.max_objects),
            (_covered, self.min_covered, self.max_covered),
        ):
            if low is not None or high is not None:
                measured = values(split)
                found &= (measured >= (low or 0)) & (measured <= (float("inf") if high is None else high))
        return found


def _objects(split: SplitRows) -> Any:
    import numpy as np

    return np.array([len(objects_in(label)) for label in split.labels], dtype=np.int64)


def _covered(split: SplitRows) -> Any:
    import numpy as np

    from finetrail.targets.masks.raster import covered

    return np.array([covered(label) for label in split.labels], dtype=np.float64)
