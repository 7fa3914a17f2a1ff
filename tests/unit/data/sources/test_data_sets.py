"""Data sets as Hugging Face's `datasets` writes them: they are read as it would, with the names of their classes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from tests.unit.sections_of import TEXTS, source_of

NAMES = ["cooking", "sailing"]
FEATURES = Features({"text": Value("string"), "label": ClassLabel(names=NAMES)})


def made(first: int, rows: int = 4) -> Dataset:
    numbers = range(first, first + rows)
    content = {"text": [f"text {number}" for number in numbers], "label": [number % 2 for number in numbers]}
    return Dataset.from_dict(content, features=FEATURES)


def rows_of(root: Path, path: str = "data/input/set") -> list[Row]:
    return list(source_of(TEXTS, path=path).read(root))


def expected(first: int, rows: int = 4) -> list[tuple[str, str]]:
    return [(f"text {number}", NAMES[number % 2]) for number in range(first, first + rows)]


def told(rows: list[Row]) -> list[tuple[object, object]]:
    return [(row.content, row.label) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "input" / "set"
    path.mkdir(parents=True)
    return path


def test_a_parquet_file_gives_the_names_of_its_classes(folder: Path, tmp_path: Path) -> None:
    made(0).to_parquet(str(folder / "a.parquet"))
    assert told(rows_of(tmp_path, "data/input/set/a.parquet")) == expected(0)


def _saved(folder: Path) -> None:
    DatasetDict({"train": made(0), "test": made(4)}).save_to_disk(str(folder))


def _sharded(folder: Path) -> None:
    for number in range(2):
        made(2 * number, 2).to_parquet(str(folder / f"train-0000{number}-of-00002.parquet"))
    made(4).to_parquet(str(folder / "test-00000-of-00001.parquet"))


def _sharded_below(folder: Path) -> None:
    (folder / "data").mkdir()
    _sharded(folder / "data")


@pytest.mark.parametrize("write", [_saved, _sharded, _sharded_below])
def test_a_folder_of_official_splits(folder: Path, tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(folder)
    rows = rows_of(tmp_path)
    assert told([row for row in rows if row.split == "train"]) == expected(0)
    assert told([row for row in rows if row.split == "test"]) == expected(4)
    assert {row.source for row in rows} == {"set/train", "set/test"}


def _saved_alone(folder: Path) -> None:
    made(0).save_to_disk(str(folder))


def _shards_alone(folder: Path) -> None:
    for number in range(2):
        made(2 * number, 2).to_parquet(str(folder / f"part-{number}.parquet"))


@pytest.mark.parametrize("write", [_saved_alone, _shards_alone])
def test_a_folder_without_splits_has_none(folder: Path, tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(folder)
    rows = rows_of(tmp_path)
    assert told(rows) == expected(0)
    assert {row.split for row in rows} == {None}


def test_a_folder_for_each_split_that_was_saved_alone(folder: Path, tmp_path: Path) -> None:
    made(0).save_to_disk(str(folder / "first"))
    made(4).save_to_disk(str(folder / "second"))
    source = source_of(TEXTS, splits={"train": "data/input/set/first", "test": "data/input/set/second"})
    rows = list(source.read(tmp_path))
    assert [row.split for row in rows] == ["train"] * 4 + ["test"] * 4


def test_a_table_beside_the_folders_of_classes_makes_them_no_data_set(folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (folder / name).mkdir()
        (folder / name / "1.txt").write_text(f"about {name}", encoding="utf-8")
    made(0).to_parquet(str(folder / "facts.parquet"))
    assert ("about cooking", "cooking") in told(rows_of(tmp_path))


def test_a_damaged_one_is_one_line(folder: Path, tmp_path: Path) -> None:
    _saved(folder)
    for file in folder.rglob("*.arrow"):
        file.write_bytes(b"damaged")
    with pytest.raises(SourceError, match=r"^set cannot be read as a data set \(.*\); write it again$") as caught:
        rows_of(tmp_path)
    assert "\n" not in str(caught.value)
