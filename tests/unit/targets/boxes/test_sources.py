"""One image with two boxes, as every form of annotation writes it, is one and the same row."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finetrail.data.store.content import Absent
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from finetrail.sections import sections
from finetrail.targets.boxes.reading import Box, boxes_of
from finetrail.tasks.registry import get_task
from tests import drawn
from tests.unit.targets.trees import tree, tree_or_zip

WIDTH, HEIGHT = 80, 40
BOXES = [Box("cat", 8, 10, 28, 30), Box("dog", 40, 0, 80, 20)]


def photo(turned: int = 1) -> bytes:
    """80 x 40 pixels upright. Args: turned: the EXIF orientation of the file."""
    exif = Image.Exif()
    exif[0x0112] = turned
    file = io.BytesIO()
    size = (HEIGHT, WIDTH) if turned > 4 else (WIDTH, HEIGHT)
    Image.linear_gradient("L").resize(size).save(file, "JPEG", exif=exif)
    return file.getvalue()


def read(path: Path, split: str | None = None, **columns: Any) -> tuple[list[Row], list[str]]:
    """The rows of a source, and what was told."""
    told: list[str] = []
    source: Any = sections(get_task("object-detection")).model_fields["source"].annotation
    place = {"path": str(path)} if split is None else {"splits": {split: str(path)}}
    return list(source(**place, columns=columns).read(Path(), told.append)), told


def voc(name: str) -> str:
    return drawn.voc(name, BOXES, (WIDTH, HEIGHT))


def coco(*names: str, boxes: list[Box] = BOXES) -> str:
    """Category ids have gaps, as COCO's have."""
    ids = {"cat": 17, "dog": 90}
    images = [{"id": at, "file_name": name, "width": WIDTH, "height": HEIGHT} for at, name in enumerate(names)]
    annotations = [
        {
            "id": at,
            "image_id": 0,
            "category_id": ids[box.label],
            "bbox": [box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin],
            "iscrowd": int(box.crowd),
        }
        for at, box in enumerate(boxes)
    ]
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


YOLO = "0 0.225 0.5 0.25 0.5\n1 0.75 0.25 0.5 0.5\n"
CORNERS = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
CSV = CORNERS + "a.jpg,80,40,cat,8,10,28,30\na.jpg,80,40,dog,40,0,80,20\n"
OBJECTS = {"bbox": [[8, 10, 20, 20], [40, 0, 40, 20]], "categories": ["cat", "dog"]}
LAYOUTS: dict[str, dict[str, str | bytes]] = {
    "voc": {"Annotations/a.xml": voc("a.jpg"), "JPEGImages/a.jpg": photo()},
    "voc beside the images": {"a.xml": voc("a.jpg"), "a.jpg": photo()},
    "coco": {"annotations/instances.json": coco("a.jpg"), "images/a.jpg": photo()},
    "yolo": {"data.yaml": "names: [cat, dog]\n", "labels/a.txt": YOLO, "images/a.jpg": photo()},
    "yolo with numbered names": {"data.yaml": "names: {0: cat, 1: dog}\n", "a.txt": YOLO, "a.jpg": photo()},
    "metadata": {"metadata.jsonl": json.dumps({"file_name": "a.jpg", "objects": OBJECTS}), "a.jpg": photo()},
    "a row for each box": {"_annotations.csv": CSV, "a.jpg": photo()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_form_gives_the_same_boxes(tmp_path: Path, layout: str, zipped: bool) -> None:
    (row,), told = read(tree_or_zip(tmp_path, LAYOUTS[layout], zipped))
    assert boxes_of(row.label) == BOXES
    assert row.content == photo()
    assert "1 of 1 images have one" in told[0]


def test_yolo_counts_in_shares_of_the_upright_image(tmp_path: Path) -> None:
    files = {"data.yaml": "names: [cat, dog]\n", "labels/a.txt": YOLO, "images/a.jpg": photo(turned=6)}
    (row,), _ = read(tree(tmp_path, files))
    assert boxes_of(row.label) == BOXES


def test_a_file_of_coco_names_its_images_from_where_it_lies(tmp_path: Path) -> None:
    root = tree(tmp_path, {"all.json": coco("pictures/a.jpg"), "pictures/a.jpg": photo()})
    (row,), _ = read(root / "all.json")
    assert boxes_of(row.label) == BOXES
    assert row.content == photo()


def test_tables_have_a_row_for_each_image_or_for_each_box(tmp_path: Path) -> None:
    root = tree(tmp_path, {"boxes.csv": CSV + "b.jpg,80,40,,,,,\n", "a.jpg": photo(), "b.jpg": photo()})
    rows, _ = read(root / "boxes.csv", image="filename", label="class", corners=["xmin", "ymin", "xmax", "ymax"])
    assert [boxes_of(row.label) for row in rows] == [BOXES, []]
    tree(tmp_path, {"rows.jsonl": json.dumps({"image": "a.jpg", "objects": OBJECTS})})
    (row,), _ = read(root / "rows.jsonl")
    assert boxes_of(row.label) == BOXES


@pytest.mark.parametrize(
    ("form", "box"), [("xyxy", [8, 10, 28, 30]), ("xywh", [8, 10, 20, 20]), ("cxcywh", [18, 20, 20, 20])]
)
def test_the_form_of_a_box_is_said(tmp_path: Path, form: str, box: list[int]) -> None:
    record = {"image": "a.jpg", "objects": {"bbox": [box], "category": [0]}}
    root = tree(tmp_path, {"rows.jsonl": json.dumps(record), "a.jpg": photo()})
    (row,), _ = read(root / "rows.jsonl", box=form, classes=["cat"])
    assert boxes_of(row.label) == BOXES[:1]


def test_official_splits_are_those_of_lists_files_and_folders(tmp_path: Path) -> None:
    lists = {
        "ImageSets/Main/train.txt": "a\n",
        "ImageSets/Main/val.txt": "b 1\n",
        "ImageSets/Main/trainval.txt": "a\nb",
    }
    of_voc = {
        f"{name}.{end}": photo() if end == "jpg" else voc(f"{name}.jpg") for name in "ab" for end in ("jpg", "xml")
    }
    of_coco = {"annotations/instances_train2017.json": coco("a.jpg"), "train2017/a.jpg": photo()}
    of_coco |= {"annotations/instances_val2017.json": coco("b.jpg"), "val2017/b.jpg": photo()}
    of_yolo: dict[str, object] = {"data.yaml": "names: [cat, dog]"}
    for split, name in (("train", "a"), ("valid", "b")):
        of_yolo |= {f"{split}/labels/{name}.txt": YOLO, f"{split}/images/{name}.jpg": photo()}
    layouts: list[dict[str, object]] = [{**lists, **of_voc}, {**of_coco}, of_yolo]
    for place, files in enumerate(layouts):
        rows, _ = read(tree(tmp_path / str(place), files))
        assert {Path(row.source).name: row.split for row in rows} == {"a.jpg": "train", "b.jpg": "val"}
        rows, _ = read(tmp_path / str(place), split="val")
        assert [(Path(row.source).name, row.split) for row in rows] == [("b.jpg", "val")]


def test_an_image_without_annotation_is_background_and_an_annotation_without_image_is_a_row(tmp_path: Path) -> None:
    files = {"Annotations/a.xml": voc("a.jpg"), "a.jpg": photo(), "b.jpg": photo(), "Annotations/c.xml": voc("c.jpg")}
    rows, _ = read(tree(tmp_path, files))
    assert [boxes_of(row.label) for row in rows] == [BOXES, [], BOXES]
    assert isinstance(rows[2].content, Absent)
    assert "c.xml" in rows[2].content


def test_crowds_are_marked(tmp_path: Path) -> None:
    crowd = [BOXES[0]._replace(crowd=True)]
    (row,), _ = read(tree(tmp_path, {"all.json": coco("a.jpg", boxes=crowd), "a.jpg": photo()}))
    assert boxes_of(row.label) == crowd


BAD = voc("a.jpg").replace("<xmin>8</xmin>", "<xmin>left</xmin>")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no annotations: neither COCO's JSON"),
        ({"a.xml": BAD}, "a corner is 'left', but corners are finite numbers"),
        ({"a.xml": voc("a.jpg")[:-3]}, "a.xml is not XML"),
        ({"a.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]>" + voc("a.jpg")}, "declares entities"),
        ({"a.json": coco("a.jpg").replace('"category_id": 17', '"category_id": 3')}, "is of 3, which is none of the 2"),
        ({"a.json": coco("a.jpg"), "b.json": coco("a.jpg")}, "which another file annotates too"),
        ({"x.yaml": "names: [cat, dog]", "a.txt": "5 .1 .1 .1 .1"}, "class 5 is unknown: there are 2"),
        ({"x.yaml": "names: [cat, dog]", "a.txt": "0 30 20 10 10"}, "which are pixels"),
        ({"x.yaml": "names: [cat, dog]", "a.txt": "0 30 20"}, "a line has shares of the image"),
        ({"x.yaml": "names: {0: cat, 7: dog}", "a.txt": YOLO}, "number them from 0 without gaps"),
        ({"metadata.jsonl": '{"file_name": "a.jpg"}'}, "has no 'objects'"),
        ({"metadata.jsonl": '{"file_name": "a.jpg", "objects": {"bbox": [[1, 2]]}}'}, "which cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(tmp_path: Path, files: dict[str, str], said: str) -> None:
    root = tree(tmp_path, {"a.jpg": photo(), **files})
    with pytest.raises(SourceError) as raised:
        read(root)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
