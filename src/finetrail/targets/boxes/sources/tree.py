"""Which annotation files a folder or an archive has, and what they say."""

from typing import Any

from finetrail.data.sources.annotated import Annotations
from finetrail.data.sources.annotation_files import Files, Found
from finetrail.data.sources.coco import has_coco, read_coco
from finetrail.data.sources.columns import Tell
from finetrail.data.sources.metadata import is_metadata
from finetrail.data.sources.trees import Tree
from finetrail.errors import SourceError
from finetrail.targets.boxes.reading import Annotation
from finetrail.targets.boxes.sources.coco import annotation_of
from finetrail.targets.boxes.sources.tables import box_table, read_box_tables, read_metadata
from finetrail.targets.boxes.sources.voc import is_voc, read_voc
from finetrail.targets.boxes.sources.yolo import is_yolo, read_yolo, scaled


def annotations_of(tree: Tree, columns: Any, tell: Tell) -> Annotations:
    """Read the annotations of a tree. Its form is found by what is in it, and told.

    An image that no annotation names has no boxes; in COCO's form and in tables it is no row.

    Raises:
        SourceError: there are none, or one cannot be read.
    """
    files = Files.of(tree)
    form, sized, listed = "", None, False
    if has_coco(files):
        form, listed, found = "COCO's JSON", True, Found()
        read_coco(files, annotation_of, found)
    elif is_metadata(files):
        form, listed, found = "a table with a row for each image", True, read_metadata(files, columns)
    elif box_table(files) is not None:
        form, listed, found = "a table with a row for each box", True, read_box_tables(files)
    elif is_voc(files):
        form, found = "Pascal VOC's XML", read_voc(files)
    elif is_yolo(files):
        form, sized, found = "YOLO's text files", scaled, read_yolo(files, columns.classes)
    else:
        raise SourceError(
            f"{tree.path.name!r} holds {len(files.images)} images, but no annotations: neither COCO's JSON, Pascal "
            "VOC's XML, YOLO's text files with a data.yaml, metadata.jsonl, nor a CSV file with xmin, ymin, xmax and "
            "ymax; put them in"
        )
    tell(f"{tree.path.name}: annotations are {form}; {len(found.labels)} of {len(files.images)} images have one")
    return Annotations(found.labels, found.splits, found.missing, Annotation(), listed, sized)
