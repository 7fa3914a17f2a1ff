"""Where the masks of a folder or an archive are, and what they say."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.annotated import Annotations
from finetrail.data.sources.annotation_files import Files, Found
from finetrail.data.sources.coco import has_coco, read_coco
from finetrail.data.sources.columns import Tell
from finetrail.data.sources.metadata import is_metadata, metadata_rows
from finetrail.data.sources.trees import Tree
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError
from finetrail.targets.masks.files import read_file
from finetrail.targets.masks.reading import Mask, is_regions, read_regions
from finetrail.targets.masks.settings import MaskColumns
from finetrail.targets.masks.sources.coco import mask_of
from finetrail.targets.masks.sources.kept import KeptMasks
from finetrail.targets.masks.sources.pairs import class_of, divided, images_of

Wanted = Mapping[str, list[tuple[str | None, str]]]
"""Of each file that is a mask, its images, None where one is not there, and the name by which it is given then."""


def annotations_of(tree: Tree, columns: MaskColumns, tell: Tell) -> Annotations:
    """Read the masks of a tree. Their form is found by what is in it, and told.

    Raises:
        SourceError: there are none, or one cannot be read.
    """
    files, kept = Files.of(tree), KeptMasks()
    found = Found(labels=kept)
    wanted: Wanted = {}
    if has_coco(files):
        form = "COCO's JSON"
        read_coco(files, mask_of, found)
    elif is_metadata(files):
        form, wanted = "named in a table", _in_metadata(files, columns, found)
    else:
        form, wanted = "files beside the images", _beside(tree.path.name, files, columns, found)
    scaled = _read(tree, wanted, columns, found)
    masks = sum(mask is None or not _is_placeholder(mask) for mask in kept.values())
    tell(f"{tree.path.name}: masks are {form}; {masks} of {len(kept)} images have one")
    several = sum(kept.parts(name) > 1 for name in kept)
    if several:
        tell(f"{tree.path.name}: {several} images have several masks, which are joined")
    if scaled:
        one, other = columns.values.values()
        tell(f"{tree.path.name}: {scaled} masks have the values 0 and 255, which are read as {one} and {other}")
    return Annotations(found.labels, found.splits, found.missing, listed=True, sized=_sized)


def _in_metadata(files: Files, columns: MaskColumns, found: Found) -> Wanted:
    """The files that a table names; what it holds itself goes into `found`."""
    wanted = defaultdict(list)
    found.splits |= files.splits_by_folder()
    for row in metadata_rows(files, columns.label):
        image, value = files.image(row.image, beside=row.table), row.record[columns.label]
        if is_regions(value):
            found.add(image, row.image, read_regions(row.where, value))
            continue
        file = None if is_missing(value) else files.image(str(value), beside=row.table)
        if file is not None:
            wanted[file].append((image, row.image))
        else:
            found.add(image, row.image, None if is_missing(value) else Unreadable(f"{value!r} is not there"))
    return wanted


def _beside(tree: str, files: Files, columns: MaskColumns, found: Found) -> Wanted:
    """The files whose place or name says that they are masks; images without one get a placeholder."""
    names, masks = divided(files.images)
    if not masks:
        raise SourceError(
            f"{tree!r} holds {len(names)} images, but no masks: neither COCO's JSON, metadata.jsonl, images in a "
            "folder masks, labels, annotations, gt or SegmentationClass, nor a_mask.png beside a.jpg; put them in"
        )
    images = Files(files.texts, names)
    listed = images.splits_by_list("Segmentation")
    found.splits |= listed or images.splits_by_folder()
    pairs = dict(images_of(images, masks, columns.named))
    masked = {*pairs.values()}
    for name in names:
        # Lists name the images that are annotated: Pascal VOC has thousands of others.
        if name not in masked and (name in listed or not listed):
            placeholder = Mask.of(0, 0, [], {"missing_mask": "no mask has its name"})
            found.labels[name] = placeholder
    return {mask: [(image, mask)] for mask, image in pairs.items()}


def _read(tree: Tree, wanted: Wanted, columns: MaskColumns, found: Found) -> int:
    """Add the masks in files. Returns: how many have 0 and 255 where 0 and 1 are named."""
    scaled = 0
    for name, data in tree.read(tree.path) if wanted else ():
        if name in wanted:
            own = columns.of_class(class_of(name, columns.named))
            mask = read_file(name, data, own)
            scaled += isinstance(mask, Mask) and mask.scaled and own is columns
            for image, given in wanted[name]:
                found.add(image, given, mask)
    return scaled


def _sized(label: Any, size: tuple[int, int]) -> Any:
    """A label with the size of its image, where no mask gives one. Args: size: width and height."""
    return Mask.of(*size, [], label.faults) if _is_placeholder(label) else label


def _is_placeholder(label: Any) -> bool:
    return isinstance(label, Mask) and not label["width"]
