"""Every kind of source gives the same rows, and says in one line why it cannot be used."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.store.raw import Row
from finetrail.errors import ConfigError, SourceError
from tests.unit.sections_of import TEXTS, source_of

EXAMPLES = [("good film", "pos", "train"), ('a "bad",\nlong film', "neg", "dev"), ("", "neg", "test")]
HEADER = ("text", "label", "split")
FILMS = "hf://datasets/owner/films"
COLUMNS = {"split": "split"}


def write_delimited(path: Path, delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([HEADER, *EXAMPLES])


def write_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in EXAMPLES))


def write_parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(dict(zip(HEADER, zip(*EXAMPLES, strict=True), strict=True))), path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.csv": lambda path: write_delimited(path, ","),
    "a.TSV": lambda path: write_delimited(path, "\t"),
    "a.tab": lambda path: write_delimited(path, "\t"),
    "a.jsonl": write_jsonl,
    "a.ndjson": write_jsonl,
    "a.parquet": write_parquet,
}


def read(root: Path, **source: Any) -> list[Row]:
    return list(source_of(TEXTS, **source).read(root))


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def refusal(root: Path, **source: Any) -> str:
    with pytest.raises((SourceError, ConfigError)) as caught:
        read(root, **source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows_under_the_official_names_of_the_splits(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    assert read(tmp_path, path=name, columns=COLUMNS) == [
        Row(name, 1, "good film", "pos", "train"),
        Row(name, 2, 'a "bad",\nlong film', "neg", "val"),
        Row(name, 3, "", "neg", "test"),
    ]


def test_one_file_a_split_and_columns_of_other_names(tmp_path: Path) -> None:
    put(tmp_path, "a/x.csv", "Body,Stars,By\nfine,5,ann\n")
    put(tmp_path, "b/x.csv", "By,Body,Stars\nbob,poor,\n")
    columns = {"text": "Body", "label": "Stars", "group": "By"}
    assert read(tmp_path, splits={"test": "b/x.csv", "train": "a/x.csv"}, columns=columns) == [
        Row("x.csv", 1, "poor", None, "test", "bob"),
        Row("x.csv", 1, "fine", "5", "train", "ann"),
    ]


@given(st.lists(st.tuples(st.text(), st.integers(-3, 3) | st.none() | st.sampled_from(["x", " "])), min_size=1))
def test_labels_are_names_whatever_they_were_and_empty_ones_are_missing(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, int | str | None]]
) -> None:
    root = tmp_path_factory.getbasetemp()
    lines = [json.dumps({"text": text, "label": label}) for text, label in written]
    put(root, "numbers.jsonl", "\n".join(lines))
    found = [(row.content, row.label) for row in read(root, path="numbers.jsonl")]
    assert found == [(text, None if label in (None, " ") else str(label)) for text, label in written]


def test_the_format_can_be_given_where_the_ending_does_not_tell(tmp_path: Path) -> None:
    put(tmp_path, "a.data", "text\tlabel\nfine\tpos\n")
    assert read(tmp_path, path="a.data", format="tsv") == [Row("a.data", 1, "fine", "pos")]
    assert "cannot tell its format from '.data'; set source.format to one of csv, tsv" in refusal(
        tmp_path, path="a.data"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv is empty (0 bytes); it needs the columns text, label and some rows"),
        ("a.csv", "text,label\n", "a.csv has no rows, only a header; add labelled examples"),
        ("a.jsonl", "\n\n", "a.jsonl has no rows"),
        ("a.csv", "body,label\n", "a.csv: no column 'text'; it has 'body', 'label'; set source.columns"),
        ("a.jsonl", '{"text": 3, "label": "a"}', "a.jsonl, row 1: column 'text' holds '3' (int); it must be text; wr"),
        ("a.jsonl", '{"text": "\\ud800", "label": "a"}', "a.jsonl, row 1: column 'text' holds '\\ud800'; it must be"),
        ("a.jsonl", '{"text": "a", "label": "\\udfff"}', "a.jsonl, row 1: column 'label' holds '\\udfff'; it must be"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, name: str, content: str, message: str) -> None:
    put(tmp_path, name, content)
    assert refusal(tmp_path, path=name).startswith(message)


def test_what_stands_in_other_columns_does_not_matter(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", '{"text": "fine", "label": "pos", "raw": "\\ud800", "split": 7}')
    assert read(tmp_path, path="a.jsonl") == [Row("a.jsonl", 1, "fine", "pos")]


def test_an_unknown_split_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "text,label,split\na,b,train\na,b,holdout\n")
    message = refusal(tmp_path, path="a.csv", columns=COLUMNS)
    assert (
        message
        == "a.csv, row 2: split 'holdout' is unknown; use one of train, training, val, valid, validation, dev, test"
    )


def test_a_missing_file_and_a_format_that_is_not_the_places(tmp_path: Path) -> None:
    put(tmp_path, "folder/a/1.txt", "x")
    put(tmp_path, "a.csv", "text,label\na,b\n")
    assert refusal(tmp_path, path="b.csv").startswith("'b.csv' does not exist")
    assert refusal(tmp_path, path="folder", format="csv") == (
        "'folder' is a folder, but source.format is 'csv'; correct one of the two"
    )
    assert refusal(tmp_path, path="a.csv", format="folder").startswith("'a.csv' is a file, but source.format is 'fold")


def test_every_file_of_a_folder_is_a_row_or_told(tmp_path: Path) -> None:
    names = (
        "pos/2.TXT",
        "pos/10.text",
        "pos/batch2/deep/3.txt",
        "neg/1.txt",
        "neg/notes.md",
        ".git/x.txt",
        "loose.txt",
    )
    for name in names:
        put(tmp_path, f"films/{name}", f"\ufeff{name}")
    (tmp_path / "films" / "mixed").mkdir()
    put(tmp_path, "films/odd/only.md", "x")
    put(tmp_path, "films/.git/y.txt", "x")
    notes: list[str] = []
    found = list(source_of(TEXTS, path="films").read(tmp_path, notes.append))
    assert [(row.source, row.row, row.content, row.label) for row in found] == [
        ("loose.txt", 1, "loose.txt", None),  # which a rule puts aside by name
        ("neg/1.txt", 2, "neg/1.txt", "neg"),
        ("pos/10.text", 3, "pos/10.text", "pos"),
        ("pos/2.TXT", 4, "pos/2.TXT", "pos"),
        ("pos/batch2/deep/3.txt", 5, "pos/batch2/deep/3.txt", "pos"),
    ]
    assert notes == [
        "films: passed over 2 files that are hidden or left by a file manager, such as '.git/x.txt'",
        "films: passed over 2 files that are not .txt or .text files, such as 'neg/notes.md'",
        "films: class folder 'mixed' has no row",
        "films: class folder 'odd' has no row",
    ]
    assert {row.split for row in read(tmp_path, splits={"val": "films"})} == {"val"}


def test_a_folder_of_splits_of_classes(tmp_path: Path) -> None:
    for name in ("Train/pos/1.txt", "Train/neg/1.txt", "test/pos/1.txt"):
        put(tmp_path, f"films/{name}", "words")
    found = [(row.source, row.label, row.split) for row in read(tmp_path, path="films")]
    assert found == [
        ("Train/neg/1.txt", "neg", "train"),
        ("Train/pos/1.txt", "pos", "train"),
        ("test/pos/1.txt", "pos", "test"),
    ]


def test_a_text_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "secret.txt", "secret")
    put(tmp_path, "films/pos/1.txt", "fine")
    (tmp_path / "films" / "pos" / "2.txt").symlink_to(tmp_path / "secret.txt")
    message = "'pos/2.txt' is a link that leads out of 'films' or nowhere; put the file itself there"
    assert refusal(tmp_path, path="films") == message


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    put(tmp_path, "films/1.txt", "x")
    assert refusal(tmp_path, path="films").startswith(
        "'films' has no class folders in it; lay the files out as <label>"
    )
    (tmp_path / "films" / "1.txt").unlink()
    put(tmp_path, "films/pos/1.md", "x")
    assert refusal(tmp_path, path="films") == (
        "'films' holds no .txt or .text files, but 1 other files, such as 'pos/1.md'; rename them, or give a table"
    )
    put(tmp_path, "films/neg/1.txt", "x")
    (tmp_path / "films" / "pos" / "1.txt").write_bytes("“ok”".encode("utf-16"))
    assert [row.content for row in read(tmp_path, path="films")] == ["x", "“ok”"]
    (tmp_path / "films" / "pos" / "2.txt").write_bytes(b"caf\xe9")
    assert refusal(tmp_path, path="films").startswith("pos/2.txt: byte 3 is not UTF-8 (")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hub data set owner/films as the `datasets` library gives it, with class names in its features."""
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"]), "by": Value("int64")})
    parts = {
        "train": {"text": ["fine", "poor", None], "label": [1, 0, -1], "by": [7, 8, None]},
        "validation": {"text": ["good"], "label": [1], "by": [7]},
        "unsupervised": {"text": ["what"], "label": [-1], "by": [9]},
    }
    loaded = DatasetDict({name: Dataset.from_dict(part, features=features) for name, part in parts.items()})
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: loaded)
    return loaded


def test_hub_rows_have_class_names_and_only_official_splits(hub: Any) -> None:
    assert read(Path(), path=FILMS, columns={"group": "by"}) == [
        Row("owner/films/train", 1, "fine", "pos", "train", "7"),
        Row("owner/films/train", 2, "poor", "neg", "train", "8"),
        Row("owner/films/train", 3, None, None, "train", None),
        Row("owner/films/validation", 1, "good", "pos", "val", "7"),
    ]
    assert [row.content for row in read(Path(), splits={"val": FILMS})] == ["good"]


def test_a_hub_data_set_without_the_column_or_the_split(hub: Any) -> None:
    message = refusal(Path(), path=FILMS, columns={"text": "body"})
    assert message.startswith("owner/films: no column 'body'; it has text, label, by; set")
    message = refusal(Path(), splits={"test": FILMS})
    assert message.startswith("owner/films has no split test; it has train, validation, unsupervised")
    del hub["train"], hub["validation"]
    message = refusal(Path(), path=FILMS)
    assert message.startswith("owner/films has no split train, val or test; it has unsupervised")


def test_a_hub_name_without_network_is_one_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, path="hf://datasets/owner/no-such")
    assert message.startswith("'hf://datasets/owner/no-such' cannot be fetched from the hub (")
    assert message.endswith("check the name and the network, or use a local path or a pypi:// address")
