"""Section `source` of params.yaml for images: JPEG, PNG, WebP, BMP, GIF and TIFF are known."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from finetrail.contents.image.pixel_tables import read_pixels
from finetrail.contents.image.stored import IMAGES
from finetrail.contents.image.values import FieldReader, cached_image
from finetrail.data.sources.columns import ColumnName, Columns, Place, SplitName, Tell, row_from
from finetrail.data.sources.place import Convert, Source
from finetrail.data.sources.trees import Tree
from finetrail.data.store.content import StoredContent
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
        if kind in ("folder", "archive"):
            # A file that is not an image is a row too, which a rule puts aside by name.
            for file in Tree.at(path).rows(split, tell, lambda name: True, "images"):
                label = self.labels.read(file.name, file.label, self.columns)
                yield Row(file.name, file.number, file.data, label, file.split)
        else:
            for number, record, pixels in read_pixels(path, self.columns):
                place = Place(path.name, number, split)
                found, value = self.labels.given(str(place), record, self.columns)
                yield row_from(place, found, self.columns, pixels, self.labels.read(str(place), value, self.columns))
