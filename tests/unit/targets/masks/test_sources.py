"""One image with its mask, in every form of source, is one and the same row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.data.store.content import Absent
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError
from finetrail.targets.masks import MASKS
from finetrail.targets.masks.label import Region
from finetrail.targets.masks.raster import counts_of, label_of, numbers_of
from finetrail.targets.masks.reading import Mask
from tests.unit.targets.masks.images import CLASSES, NUMBERS, encoded, photo, read
from tests.unit.targets.trees import tree, tree_or_zip

MASK = encoded(NUMBERS)
LABEL = label_of(NUMBERS, dict(enumerate(CLASSES)))
KEY = MASKS.key(LABEL)
COUNTS = {region["label"]: region["counts"] for region in LABEL["regions"]}


def coco(*names: str, cell: Any = None, crowd: bool = False, **changed: Any) -> str:
    """Category ids have gaps, as COCO's have. Args: cell: the segmentation of the cell; changed: keys of images."""
    images = [{"id": at, "file_name": name, "width": 6, "height": 4} | changed for at, name in enumerate(names)]
    dust = {"size": [4, 6], "counts": COUNTS["dust"]}
    annotations = [
        {"id": 7, "image_id": 0, "category_id": 90, "segmentation": dust, "iscrowd": int(crowd)},
        {"id": 9, "image_id": 0, "category_id": 17, "segmentation": cell or [[1, 1, 3, 1, 3, 3, 1, 3]]},
    ]
    categories = [{"id": 17, "name": "cell"}, {"id": 90, "name": "dust"}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


LAYOUTS: dict[str, dict[str, object]] = {
    "images and masks": {"images/a.jpg": photo(), "masks/a.png": MASK},
    "images and labels": {"image/a.jpg": photo(), "label/a.png": MASK},
    "in split folders": {"train/images/a.jpg": photo(), "train/annotations/a.png": MASK},
    "split folders below": {"images/train/a.jpg": photo(), "gt/train/a.png": MASK},
    "an ending": {"a.jpg": photo(), "a_mask.png": MASK},
    "an ending, in a folder of a telling name": {
        "cell_segmentation/a.jpg": photo(),
        "cell_segmentation/a_gt.png": MASK,
    },
    "a folder and an ending": {"PNGImages/a.png": photo(), "PedMasks/a_mask.png": MASK},
    "two endings": {"x/7_sat.jpg": photo(), "x/7_mask.png": MASK},
    "a folder for each class": {
        "images/a.jpg": photo(),
        "masks/cell/a.png": encoded((NUMBERS == 1) * np.uint8(255)),
        "masks/Dust/a.png": encoded((NUMBERS == 2) * np.uint8(1)),
    },
    "a file for each class": {
        "images/a.jpg": photo(),
        "masks/a_cell.png": encoded((NUMBERS == 1) * np.uint8(255)),
        "masks/a-dust_mask.png": encoded((NUMBERS == 2) * np.uint8(255)),
    },
    "Cityscapes": {
        "leftImg8bit/train/ulm/ulm_01_leftImg8bit.png": photo(),
        "gtFine/train/ulm/ulm_01_gtFine_labelIds.png": MASK,
        "gtFine/train/ulm/ulm_01_gtFine_labelTrainIds.png": encoded(NUMBERS * 2),
        "gtFine/train/ulm/ulm_01_gtFine_instanceIds.png": encoded(NUMBERS * 3),
        "gtFine/train/ulm/ulm_01_gtFine_color.png": encoded(NUMBERS * 4),
        "gtFine/train/ulm/ulm_01_gtFine_polygons.json": json.dumps({"imgHeight": 4, "objects": []}),
    },
    "VOC": {
        "JPEGImages/a.jpg": photo(),
        "SegmentationClass/a.png": encoded(NUMBERS, mode="P"),
        "SegmentationObject/a.png": encoded(NUMBERS * 3, mode="P"),
        "ImageSets/Segmentation/train.txt": "a\n",
        "ImageSets/Main/val.txt": "a\nb\n",
        "JPEGImages/b.jpg": photo(),
    },
    "metadata": {
        "metadata.jsonl": json.dumps({"file_name": "a.jpg", "mask": "m/1.png"}),
        "a.jpg": photo(),
        "m/1.png": MASK,
    },
    "metadata with regions": {"metadata.jsonl": json.dumps({"file_name": "a.jpg", "mask": LABEL}), "a.jpg": photo()},
    "COCO's polygons": {"annotations/instances.json": coco("a.jpg"), "images/a.jpg": photo()},
    "COCO's run lengths": {
        "a.json": coco("a.jpg", cell={"size": [4, 6], "counts": [5, 2, 2, 2, 13]}),
        "a.jpg": photo(),
    },
    "COCO's compressed run lengths": {"a.json": coco("a.jpg", cell={"counts": COUNTS["cell"]}), "a.jpg": photo()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_form_gives_the_same_regions(tmp_path: Path, layout: str, zipped: bool) -> None:
    (row,), told = read(tree_or_zip(tmp_path, LAYOUTS[layout], zipped), classes=CLASSES)
    assert MASKS.key(row.label) == KEY
    assert row.content == photo()
    assert "1 of 1 images have one" in told[0]
    assert row.split == ("train" if "split folder" in layout or layout in ("VOC", "Cityscapes") else None)


def test_a_file_for_each_object_is_a_region_of_its_own(tmp_path: Path) -> None:
    whole = np.where(NUMBERS == 2, np.uint8(255), np.uint8(0))
    objects = [encoded((NUMBERS == 1) * np.uint8(255)), encoded(whole)]
    nuclei = {f"n1/masks/{number}.png": one for number, one in enumerate(objects)}
    files = {"n1/images/n1.jpg": photo(), "n2/images/n2.jpg": photo(3), **nuclei, "n2/masks/7.png": objects[0]}
    rows, told = read(tree(tmp_path / "nuclei", files), classes=["background", "cell"])
    assert [len(row.label["regions"]) for row in rows] == [2, 1]
    assert [row.source for row in rows] == ["n1/images/n1.jpg", "n2/images/n2.jpg"]
    assert "1 images have several masks, which are joined" in told[1]
    named = {"a.jpg": photo(), "a_mask.png": objects[0], "a_mask_1.png": objects[1]}
    (row,), _ = read(tree(tmp_path / "named", named), classes=["background", "cell"])
    assert MASKS.key(row.label) == MASKS.key(rows[0].label)


def test_files_of_an_image_that_cannot_be_joined_say_so(tmp_path: Path) -> None:
    files = {"images/a.jpg": photo(), "masks/a.png": MASK, "masks/a_mask.png": MASK}
    with pytest.raises(SourceError, match=r"'images/a.jpg' has 2 masks, .* has the classes cell and dust; put all"):
        read(tree(tmp_path / "classes", files), classes=CLASSES)
    small, large = encoded(np.eye(2, dtype=np.uint8)), encoded(np.eye(4, dtype=np.uint8))
    files = {"images/a.jpg": photo(), "masks/a.png": small, "masks/a_mask.png": large}
    (row,), _ = read(tree(tmp_path / "sizes", files), classes=["background", "cell"])
    assert row.label == Unreadable("its files have 2 sizes: 2 x 2 and 4 x 4 pixels")


def test_tables_name_masks_or_hold_them(tmp_path: Path) -> None:
    root = tree(tmp_path, {"a.jpg": photo(), "m.png": MASK})
    pd.DataFrame({"image": ["a.jpg"] * 3, "mask": ["m.png", json.dumps(LABEL), None]}).to_csv(
        root / "t.csv", index=False
    )
    pd.DataFrame({"image": [photo()], "seg": [MASK]}).to_parquet(root / "t.parquet")
    records = [{"image": "a.jpg", "mask": LABEL}, {"image": "a.jpg", "mask": "lost.png"}]
    tree(root, {"t.jsonl": "\n".join(map(json.dumps, records)), "t.json": coco("a.jpg")})
    of_csv, of_parquet, of_jsonl, of_json = (
        [row.label for row in read(root / name, classes=CLASSES, **more)[0]]
        for name, more in (("t.csv", {}), ("t.parquet", {"label": "seg"}), ("t.jsonl", {}), ("t.json", {}))
    )
    assert [*map(MASKS.key, of_csv[:2]), of_csv[2]] == [KEY, KEY, None]
    assert MASKS.key(of_parquet[0]) == MASKS.key(of_jsonl[0]) == MASKS.key(of_json[0]) == KEY
    assert of_jsonl[1] == Unreadable("'lost.png' is no file beside the table")


def test_a_hub_data_set_holds_masks_as_images(monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import Dataset, DatasetDict, Features, Image

    features = Features({"image": Image(), "annotation": Image()})
    parts = {"train": MASK, "validation": encoded(NUMBERS, mode="P")}
    loaded = DatasetDict(
        {
            name: Dataset.from_dict(
                {"image": [{"bytes": photo(), "path": None}], "annotation": [{"bytes": mask, "path": None}]},
                features=features,
            )
            for name, mask in parts.items()
        }
    )
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: loaded)
    rows, _ = read("hf://datasets/owner/cells", classes=CLASSES, label="annotation")
    assert [(MASKS.key(row.label), row.content, row.split) for row in rows] == [
        (KEY, photo(), "train"),
        (KEY, photo(), "val"),
    ]


def test_a_table_may_name_a_mask_for_several_images_and_one_that_is_not_there(tmp_path: Path) -> None:
    named = {"a.jpg": "m.png", "b.jpg": "m.png", "c.jpg": "lost.png", "d.jpg": None}
    lines = [json.dumps({"file_name": name, "mask": mask}) for name, mask in named.items()]
    photos = {name: photo() for name in named}
    rows, _ = read(tree(tmp_path, {"metadata.jsonl": "\n".join(lines), "m.png": MASK, **photos}), classes=CLASSES)
    assert [MASKS.key(row.label) for row in rows[:2]] == [KEY, KEY]
    assert [row.label for row in rows[2:]] == [Unreadable("'lost.png' is not there"), None]


def test_a_mask_lacks_its_image_and_an_image_its_mask(tmp_path: Path) -> None:
    files = {"images/a.jpg": photo(), "masks/a.png": MASK, "images/b.jpg": photo(6), "masks/c.png": MASK}
    rows, told = read(tree(tmp_path, files), classes=CLASSES)
    assert "1 of 2 images have one" in told[0]
    whole, unmasked, lost = (row.label for row in rows)
    assert MASKS.key(whole) == MASKS.key(lost) == KEY
    assert isinstance(rows[2].content, Absent)
    assert "masks/c.png" in rows[2].content
    assert dict(unmasked) == {"width": 6, "height": 4, "regions": []}
    assert list(unmasked.faults) == ["missing_mask"]


def test_a_mask_is_of_the_image_of_its_own_split(tmp_path: Path) -> None:
    files = {
        "train/images/a.jpg": photo(),
        "train/masks/a.png": MASK,
        "val/images/a.jpg": photo(3),
        "val/masks/a.png": MASK,
    }
    rows, _ = read(tree(tmp_path, files), classes=CLASSES)
    assert [(row.source, row.split) for row in rows] == [("train/images/a.jpg", "train"), ("val/images/a.jpg", "val")]
    assert [MASKS.key(row.label) for row in rows] == [KEY, KEY]
    rows, _ = read(tmp_path, split="val", classes=CLASSES)
    assert [row.source for row in rows] == ["val/images/a.jpg"]


def test_masks_of_0_and_255_are_told(tmp_path: Path) -> None:
    files = {"images/a.jpg": photo(), "masks/a.png": encoded((NUMBERS == 1) * np.uint8(255))}
    _, told = read(tree(tmp_path, files), classes=["background", "cell"])
    assert told[1].endswith("1 masks have the values 0 and 255, which are read as background and cell")


def test_crowds_are_marked_and_lie_below_objects(tmp_path: Path) -> None:
    whole = [[0, 0, 6, 0, 6, 4, 0, 4]]
    (row,), _ = read(tree(tmp_path, {"a.json": coco("a.jpg", cell=whole, crowd=True), "a.jpg": photo()}))
    assert [(region["label"], region["crowd"]) for region in row.label["regions"]] == [("dust", True), ("cell", False)]


def test_of_regions_that_overlap_the_smaller_lies_on_top_in_whatever_order() -> None:
    whole, corner = Region("cell", counts_of(np.ones((4, 6), np.bool_))), Region("dust", COUNTS["dust"])
    one, other = Mask.of(6, 4, [whole, corner]), Mask.of(6, 4, [corner, whole])
    assert MASKS.key(one) == MASKS.key(other)
    assert numbers_of(other, CLASSES).tolist() == np.where(NUMBERS == 2, 2, 1).tolist()


def test_a_polygon_that_reaches_out_is_cut_off_and_said(tmp_path: Path) -> None:
    wide = [[1, 1, 1e9, 1, 1e9, 3, 1, 3]]
    (row,), _ = read(tree(tmp_path, {"a.json": coco("a.jpg", cell=wide), "a.jpg": photo()}))
    assert row.label.faults == {"outside_image": "by 1e+09 pixels"}
    assert numbers_of(row.label, CLASSES)[:, 5].tolist() == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"images/a.jpg": photo()}, "holds 1 images, but no masks: neither COCO's JSON"),
        ({"a.json": coco("a.jpg", width=None)}, "has no width and height"),
        ({"a.json": coco("a.jpg", cell=[[1, 2, 3]])}, "the pixels of 'cell' are"),
        ({"a.json": coco("a.jpg", cell={"size": [6, 4], "counts": COUNTS["cell"]})}, "run lengths are of .6, 4."),
        ({"a.json": coco("a.jpg", cell={"counts": "999"})}, "correct the run lengths"),
        ({"a.json": coco("a.jpg", cell={"counts": [5, 2]})}, "of 7 pixels, but the image has 24"),
        ({"metadata.jsonl": '{"file_name": "a.jpg"}'}, "has no 'mask', but file_name; set source.columns.label"),
    ],
    ids=["no masks", "no size", "no polygon", "size", "counts", "too few", "no column"],
)
def test_what_cannot_be_read_is_said_in_a_line(tmp_path: Path, files: dict[str, object], said: str) -> None:
    with pytest.raises(SourceError, match=said) as raised:
        read(tree(tmp_path, files), classes=CLASSES)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["cell", "{", "[]", '{"width": 0, "height": 4}', '{"width": 6, "height": 4, "regions": [{"label": "cell"}]}'],
)
def test_a_correction_is_regions_as_the_key_has_them(text: str) -> None:
    assert MASKS.key(MASKS.from_cell("line 2", KEY, None)) == KEY
    with pytest.raises(SourceError, match="line 2"):
        MASKS.from_cell("line 2", text, None)
