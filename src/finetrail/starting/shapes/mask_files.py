"""What shapes share whose labels are masks: files beside the images, or regions in COCO's JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from finetrail.data.image_files import open_image
from finetrail.data.sources.annotated import is_image, split_in
from finetrail.starting.looking import Data
from finetrail.starting.shape import Seen
from finetrail.starting.shapes.boxes import lines
from finetrail.targets.masks.settings import MaskColumns
from finetrail.targets.masks.sources.pairs import divided as apart
from finetrail.targets.masks.sources.tree import annotations_of

BACKGROUND, OBJECT, UNLABELLED = "background", "object", 255
_LOOKED_AT = 40  # masks


@dataclass(frozen=True)
class MaskFiles:
    """Images with masks beside them.

    Attributes:
        images, masks: names of the files.
        values: those of each mask that was looked at; empty where masks are in colour.
        colours: of all masks that were looked at; empty where they are grey.
    """

    images: Sequence[str]
    masks: Sequence[str]
    values: Sequence[set[int]]
    colours: set[tuple[int, ...]]

    @property
    def all_values(self) -> set[int]:
        return set().union(*self.values)

    @property
    def objects(self) -> Sequence[int]:
        """How many objects each mask has, if each value above 0 is one."""
        some = self.all_values - {0, UNLABELLED}
        return [len(one - ({0, UNLABELLED} if some else {0})) for one in self.values]

    @property
    def may_number_objects(self) -> bool:
        """Whether values count up from 0 in each mask, and not equally far in all."""
        counted = all(
            (one | {0}) - {UNLABELLED} == {*range(n + 1)} for one, n in zip(self.values, self.objects, strict=True)
        )
        return counted and len({*self.objects}) > 1 and max(self.objects) > 1

    def seen(self, name: str, line: str, columns: object) -> Seen:
        """What was recognised. Args: line: about the masks; columns: section `source.columns`."""
        official = Counter(str(split) for image in self.images if (split := split_in(image)))
        said = [f"{name}: {len(self.images)} images, {len(self.masks)} masks", line]
        rows = min(len(self.images), len(self.masks))  # an image may have several masks, or none
        return Seen(said, rows, Counter(), official, columns)


def mask_files_in(data: Data) -> MaskFiles | None:
    """The masks of a tree, some of which are read; None where there are none."""
    images, masks = apart([name for name in data.names if is_image(name)])
    if not masks or not images or data.tree is None:
        return None
    import numpy as np

    wanted = set(masks[:: max(1, len(masks) // _LOOKED_AT)])
    values: list[set[int]] = []
    colours: list[set[tuple[int, ...]]] = []
    for name, content in data.tree.read(data.path):
        if name not in wanted:
            continue
        image = open_image(content)
        if image.mode in ("RGB", "RGBA"):
            colours.append({colour for _, colour in image.convert("RGB").getcolors(2**24) or []})  # type: ignore[misc]
        else:
            values.append({int(one) for one in np.unique(np.asarray(image))})
    if all(len({*one}) == 1 for found in colours for one in found):  # grey, written as RGB
        values, colours = [*values, *({one[0] for one in found} for found in colours)], []
    return MaskFiles(images, masks, [] if colours else values, set().union(*colours))


def seen_in_coco(data: Data) -> Seen:
    """What COCO's JSON has."""
    assert data.tree is not None  # noqa: S101 - it has files
    said: list[str] = []
    found = annotations_of(data.tree, MaskColumns(), said.append)
    classes = Counter(one["label"] for mask in found.labels.values() if mask for one in mask["regions"])
    official = Counter(str(split) for split in found.splits.values())
    return Seen([*said, *lines(classes, official, found.missing)], len(found.labels), Counter(), official)
