"""Section `source` of params.yaml for images: JPEG, PNG, WebP, BMP, GIF and TIFF are known."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from finetrail.contents.image.pixel_tables import read_pixels
from finetrail.contents.image.stored import IMAGES
from finetrail.contents.image.values import FieldReader, cached_image
from finetrail.data.image_files import upright_size
from finetrail.data.sources.annotated import Annotations, is_image
from finetrail.data.sources.columns import ColumnName, Columns, Place, SplitName, Tell, row_from
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.place import Convert, Source
from finetrail.data.sources.trees import Tree
from finetrail.data.store.content import Absent, StoredContent
from finetrail.data.store.raw import Row

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class ImageColumns(Columns):
    """Which column of the source holds the images.

    Attributes:
        image: a path relative to the table's folder, encoded bytes, base64 text, or a struct of bytes and path.
    """

    image: ColumnName = "image"

    @property
    def contents(self) -> tuple[str, ...]:
        return (self.image,)


class ImageSource(Source):
    """Where labelled images come from: folders and archives with a folder for each class, tables, hub data sets.

    The format `pixels` is a CSV file of grey values; without a header, `columns.label` says `first` or `last`.
    """

    columns: ImageColumns = ImageColumns()

    own_formats: ClassVar[tuple[str, ...]] = ("folder", "archive", "pixels")
    own_endings: ClassVar[dict[str, str]] = dict.fromkeys(ARCHIVES, "archive") | {".csv.gz": "pixels"}

    @property
    def content(self) -> StoredContent:
        return IMAGES

    def converter(self, folder: Path | None) -> Convert:
        return cached_image if folder is None else FieldReader(folder)

    def rows_of(self, kind: str, path: Path, split: SplitName | None, tell: Tell) -> Iterator[Row]:
        if kind not in ("folder", "archive"):
            for number, record, pixels in read_pixels(path, self.columns):
                place = Place(path.name, number, split)
                found, value = self.labels.given(str(place), record, self.columns)
                yield row_from(place, found, self.columns, pixels, self.labels.read(str(place), value, self.columns))
            return
        tree = Tree.at(path)
        annotations = self.labels.annotations(tree, self.columns, tell)
        if annotations is not None:
            yield from annotated_rows(tree, annotations, split, self.file_row)
        else:
            # A file that is not an image is a row too, which a rule puts aside by name.
            for file in tree.rows(split, tell, lambda name: True, "images"):
                label = self.labels.read(file.name, file.label, self.columns)
                yield self.file_row(Place(file.name, file.number, file.split), file.data, label)


def annotated_rows(
    tree: Tree, annotations: Annotations, split: SplitName | None, made: Callable[[Place, Any, Any], Row]
) -> Iterator[Row]:
    """The images of a tree with the labels of its annotation files; then the annotations that lack their image.

    Args:
        split: the official split of the whole tree, or the one to take where it has several.
        made: makes a row from its place, its content and its label.
    """
    number = 0
    for name, data in tree.read(tree.path):
        if folders_of(name)[1] or not is_image(name) or (annotations.listed and name not in annotations.labels):
            continue
        own = annotations.splits.get(name)
        if split and annotations.splits and own != split:
            continue
        label = annotations.labels.get(name, annotations.background)
        if annotations.sized and label is not None and (size := upright_size(data)):
            label = annotations.sized(label, size)
        number += 1
        yield made(Place(name, number, split or own), data, label)
    for name, label in annotations.missing.items():
        number += 1
        yield Row(name, number, Absent(f"{name!r} annotates an image that is not there"), label, split)
