"""Images in the fields of tables: paths, bytes, base64 and Hugging Face's struct."""

import base64
import csv
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetrail.contents.image.values import FieldReader
from finetrail.data.store.content import Absent
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError, ValidationError
from finetrail.stages.ingest import ingest
from finetrail.stages.validate import validate
from finetrail.targets.classes import CLASSES
from finetrail.workspace import Workspace
from tests.unit.data.image_files import encode, noise_image, put
from tests.unit.data.image_rows_of import read, refusal
from tests.unit.sections_of import IMAGES, rules_of, source_of

PNG, JPEG = encode(noise_image(1)), encode(noise_image(2), "JPEG")
TEXT = base64.b64encode(PNG).decode()


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_csv_of_paths_and_base64(tmp_path: Path) -> None:
    put(tmp_path, "images/ä 1.png", PNG)
    fields = ["images/ä 1.png", "./images//ä 1.png", "images/none.png", "", TEXT, f"data:image/png;base64,{TEXT}"]
    write_csv(tmp_path / "a.csv", [("file", "kind", "who"), *((field, "cat", "ann") for field in fields)])
    found = read(tmp_path, path="a.csv", columns={"image": "file", "label": "kind", "group": "who"})
    contents = [PNG, PNG, Absent("'images/none.png' is no file beside the table"), None, PNG, PNG]
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
    third = Absent("'3.png' is no file beside the table") if kind == "path" else None
    assert found == [
        Row("a.parquet", n, data, str(1 - n % 2)) for n, data in enumerate([PNG, JPEG, third, None], start=1)
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


def test_values_that_name_no_file_are_in_the_quarantine_and_in_the_error(tmp_path: Path) -> None:
    put(tmp_path, "data/input/1.png", PNG)
    gone = ["https://example.org/cats/1.png", "file:///elsewhere/1.png", "cats/9.png", "c" * 2_000 + ".png"]
    write_csv(tmp_path / "data/input/a.csv", [("image", "label"), *((name, "cat") for name in gone)])
    workspace = Workspace(tmp_path)
    ingest(workspace, source_of(IMAGES, path="data/input/a.csv"))
    message = (
        r"^all 4 rows are quarantined \(missing_image 4\), for example a\.csv:1 with label 'cat' "
        r"\('https://example\.org/cats/1\.png' is an address, not a file beside the table\); put the files beside the "
        r"table, under the paths that it names, and download what are addresses; report: "
    )
    with pytest.raises(ValidationError, match=message):
        validate(workspace, rules_of(IMAGES), CLASSES)
    with (tmp_path / ".finetrail/validation-failed/quarantine.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["rules"] for row in rows} == {"missing_image"}
    assert [row["content"][:40] for row in rows] == [
        "'https://example.org/cats/1.png' is an a",
        "'file:///elsewhere/1.png' is an address,",
        "'cats/9.png' is no file beside the table",
        f"'{'c' * 39}",
    ]
