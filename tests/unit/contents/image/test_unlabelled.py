"""Grey values that are to be scored, with labels or without; what is no image is named.

Folders, archives and tables of images stand in tests/unit/commands/test_predict_images.py.
"""

import gzip
import re
from pathlib import Path

import pytest

from finetrail.contents.image.pixel_tables import grey_png
from finetrail.contents.image.unlabelled import unlabelled_images
from finetrail.data.sources.unlabelled import Unlabelled
from finetrail.errors import SourceError
from tests.unit.data.image_files import pixel_lines, put
from tests.unit.sections_of import IMAGES, source_of


def unlabelled(path: Path, **columns: str) -> list[Unlabelled]:
    like = source_of(IMAGES, path="digits.csv", format="pixels", columns=columns)
    return list(unlabelled_images(path, "image", like))


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
    assert [(one.row, one.given, one.problem) for one in found] == [(n, {"image": f"row {n}"}, "") for n in (1, 2, 3)]
    assert [one.content for one in found] == [grey_png(line.tobytes(), 8) for line in grey]


def test_a_line_that_is_no_image_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", b"1,2,3,4\n1,2,3\n1,2,x,4\n\n4,3,2,1\n")
    found = unlabelled(tmp_path / "a.csv")
    assert [(one.row, one.problem) for one in found if one.content is None] == [
        (2, "3 fields, but the first line has 4"),
        (3, "'x' is not a grey value; use whole numbers from 0 to 255"),
    ]
    assert [one.row for one in found if one.content] == [1, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a.csv does not exist; give a CSV file of grey values"),
        (b"1,2,3\n", "a.csv: 2 grey values per line do not make a square image"),
        (b"label,label,a\n", "a.csv: 2 columns are called 'label'"),
        (b"caf\xe9,1\n", "a.csv is not UTF-8"),
    ],
)
def test_pixels_that_cannot_be_scored(tmp_path: Path, text: bytes | None, message: str) -> None:
    if text is not None:
        put(tmp_path, "a.csv", text)
    with pytest.raises(SourceError, match=re.escape(message)):
        unlabelled(tmp_path / "a.csv")


@pytest.mark.parametrize(("name", "given"), [("a.csv.gz", "auto"), ("a.csv", "pixels")])
def test_a_file_to_score_holds_pixels_if_its_ending_and_the_training_data_say_so(
    tmp_path: Path, name: str, given: str
) -> None:
    path = put(tmp_path, name, gzip.compress(b"1,2,3,4\n") if name.endswith(".gz") else b"1,2,3,4\n")
    like = source_of(IMAGES, path="digits.csv", format=given)
    expected = [Unlabelled(1, {"image": "row 1"}, grey_png(bytes([1, 2, 3, 4]), 2))]
    assert list(unlabelled_images(path, "image", like)) == expected


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("a.csv", "auto", "a.csv: no column 'image'; it has '1', '2', '3', '4'"),
        ("a.csv", None, "a.csv: no column 'image'; it has '1', '2', '3', '4'"),
        (
            "a.csv.gz",
            None,
            "'a.csv.gz': cannot tell its format from '.gz'; give a folder, an archive, an image, or",
        ),
        ("a.zip", "pixels", "a.zip is not a complete archive"),
    ],
)
def test_any_other_file_holds_none(tmp_path: Path, name: str, given: str | None, message: str) -> None:
    path = put(tmp_path, name, b"1,2,3,4\n")
    like = None if given is None else source_of(IMAGES, path="digits.csv", format=given)
    with pytest.raises(SourceError, match=re.escape(message)):
        list(unlabelled_images(path, "image", like))
