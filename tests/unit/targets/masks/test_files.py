"""What the pixels of a mask file mean, whatever its mode and format."""

from typing import Any

import numpy as np
import pytest

from finetrail.errors import SourceError
from finetrail.targets.masks import MASKS
from finetrail.targets.masks.files import read_file
from finetrail.targets.masks.raster import label_of, numbers_of
from finetrail.targets.masks.reading import Mask
from finetrail.targets.masks.settings import MaskColumns
from tests.unit.targets.masks.images import CLASSES, NUMBERS, PALETTE, coloured, encoded

EXPECTED = MASKS.key(label_of(NUMBERS, dict(enumerate(CLASSES))))
GREY = np.repeat(NUMBERS[..., None], 3, axis=2)


def read(data: bytes, **columns: Any) -> Mask:
    found = read_file("a.png", data, MaskColumns(**columns))
    assert isinstance(found, Mask), found
    return found


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        (encoded(NUMBERS), {"classes": CLASSES}),
        (encoded(NUMBERS, mode="P"), {"classes": CLASSES}),
        (encoded(NUMBERS.astype(np.uint16)), {"classes": CLASSES}),
        (encoded(NUMBERS, "TIFF"), {"classes": CLASSES}),
        (encoded(NUMBERS, "WEBP", mode="RGB", lossless=True), {"classes": CLASSES}),
        (encoded(GREY), {"classes": CLASSES}),
        (encoded(NUMBERS * 7), {"classes": {0: "background", 7: "cell", 14: "dust"}}),
        (encoded(NUMBERS.astype(np.uint16) * 300), {"classes": {0: "background", 300: "cell", 600: "dust"}}),
        (encoded(coloured(NUMBERS)), {"palette": PALETTE}),
        (encoded(coloured(NUMBERS), mode="RGBA"), {"palette": PALETTE}),
    ],
    ids=["grey", "palette", "16 bits", "TIFF", "WebP", "grey as RGB", "gaps", "large values", "colours", "RGBA"],
)
def test_every_way_to_write_a_mask_gives_the_same_label(data: bytes, columns: dict[str, Any]) -> None:
    found = read(data, **columns)
    assert MASKS.key(found) == EXPECTED
    assert found.faults == {}


def test_the_places_of_a_palette_are_values_and_its_colours_are_colours() -> None:
    colours = {"background": [255, 0, 0], "cell": [254, 1, 0], "dust": [253, 2, 0]}
    assert MASKS.key(read(encoded(NUMBERS, mode="P"), palette=colours)) == EXPECTED


@pytest.mark.parametrize("data", [encoded(NUMBERS == 1), encoded((NUMBERS == 1) * np.uint8(255))], ids=["1", "L"])
def test_masks_of_one_bit_and_of_0_and_255_are_masks_of_two_classes(data: bytes) -> None:
    found = read(data, classes=["background", "cell"])
    assert (numbers_of(found, ["background", "cell"]) == (NUMBERS == 1)).all()


def test_with_three_classes_or_255_ignored_255_is_no_class() -> None:
    numbers = (NUMBERS == 1) * np.uint8(255)
    assert "unknown_value" in read(encoded(numbers), classes=CLASSES).faults
    ignored = read(encoded(numbers), classes=["background", "cell"], ignore=255)
    assert ignored.faults == {}
    assert [region["label"] for region in ignored["regions"]] == [None]


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        (encoded(NUMBERS), {"classes": CLASSES[:2], "ignore": 2}),
        (
            encoded(coloured(NUMBERS)),
            {"palette": {name: PALETTE[name] for name in CLASSES[:2]}, "ignore": [[0, 0, 255]]},
        ),
    ],
)
def test_what_is_ignored_is_declared(data: bytes, columns: dict[str, Any]) -> None:
    found = read(data, **columns)
    assert found.faults == {}
    assert numbers_of(found, CLASSES[:2]).tolist() == np.where(NUMBERS == 2, 255, NUMBERS).tolist()


def test_each_value_is_an_object_where_instances_are_asked_for() -> None:
    found = read(encoded(NUMBERS), classes=["background", "cell"], instances=True)
    assert [region["label"] for region in found["regions"]] == ["cell", "cell"]
    assert (numbers_of(found, ["background", "cell"]) == (NUMBERS > 0)).all()


def test_two_values_of_one_class_are_one_region() -> None:
    found = read(encoded(NUMBERS), classes={0: "background", 1: "cell", 2: "cell"})
    assert len(found["regions"]) == 1


def test_the_exif_data_of_the_mask_turns_it() -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(np.rot90(NUMBERS).copy(), exif=exif)
    assert MASKS.key(read(data, classes=CLASSES)) == EXPECTED


SMOOTH = np.zeros((24, 24, 3), np.uint8)
SMOOTH[8:, :, 0] = 255
SMOOTH[7, :, 0] = np.linspace(60, 190, 24)
BORDER = coloured(np.zeros((24, 24), np.uint8))
BORDER[8, :] = (224, 224, 192)
FLAT = coloured(np.zeros((24, 24), np.uint8))
FLAT[4:14, 4:14] = (0, 255, 0)
NOISY = coloured(np.ones((24, 24), np.uint8)) ^ np.arange(24, dtype=np.uint8)[:, None, None] % 16
WAVES = np.where(np.arange(24) > 11, 255 - np.arange(24) % 7, np.arange(24) % 7)[None].repeat(24, 0).astype(np.uint8)


@pytest.mark.parametrize(
    ("data", "columns", "rule", "said"),
    [
        (encoded(NUMBERS), {"classes": CLASSES[:2]}, "unknown_value", "2 in 1 of 24 pixels"),
        (encoded(FLAT), {"palette": PALETTE}, "unknown_value", "(0, 255, 0) in 100 of 576 pixels"),
        (encoded(BORDER), {"palette": PALETTE}, "unknown_value", "(224, 224, 192) in 24 of 576 pixels"),
        (encoded(SMOOTH), {"palette": PALETTE}, "edge_colours", "in 24 of 576 pixels"),
        (encoded(NOISY), {"palette": PALETTE}, "lossy_mask", "pixels"),
        (encoded(WAVES), {"classes": ["background", "cell"]}, "lossy_mask", "pixels"),
        (encoded(NUMBERS, "JPEG"), {"classes": CLASSES}, "lossy_mask", "JPEG changes values"),
        (encoded(FLAT, "WEBP"), {"palette": PALETTE}, "lossy_mask", "WEBP changes values"),
    ],
    ids=["value", "colour", "border", "soft edges", "noise", "waves", "JPEG", "WebP"],
)
def test_what_is_wrong_with_pixels_of_no_class_is_said(
    data: bytes, columns: dict[str, Any], rule: str, said: str
) -> None:
    found = read(data, **columns)
    assert list(found.faults) == [rule]
    assert said in found.faults[rule]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 bytes"),
        (b"no image", "not an image of a known format"),
        (encoded(NUMBERS)[:50], "not a complete image"),
        (encoded(coloured(NUMBERS)), "it is in colour (mode RGB), where source.columns.classes names values"),
        (encoded(NUMBERS.astype(np.float32), "TIFF"), "its values are not from 0 to 65,535 (mode F)"),
    ],
    ids=["empty", "text", "cut off", "in colour", "fractions"],
)
def test_a_file_that_is_no_mask_is_left_to_a_rule(data: bytes, said: str) -> None:
    assert said in str(read_file("a.png", data, MaskColumns(classes=tuple(CLASSES))))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (encoded(NUMBERS), "a.png: the mask has the values 0, 1, 2 .* set source.columns.classes"),
        (encoded(coloured(NUMBERS)), "a.png: the mask is in colour .* set source.columns.palette"),
    ],
    ids=["values", "colours"],
)
def test_without_names_the_values_of_the_first_mask_are_said(data: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_file("a.png", data, MaskColumns())
