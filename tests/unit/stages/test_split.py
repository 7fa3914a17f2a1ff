"""The stage: files in, files out, every row counted, and earlier results untouched by a failure."""

import csv
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.content import StoredLabel
from finetrail.data.store.raw import Row, write_rows
from finetrail.errors import SplitError, WorkspaceError
from finetrail.sections import sections
from finetrail.stages.split import Divided, split
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.tasks.registry import get_task
from finetrail.workspace import SPLITS, Workspace, read_json
from tests.unit.image_rows import ImageRow, write_images
from tests.whole import read_whole


def text_split(space: Workspace, **settings: Any) -> Divided:
    return _split(space, "text-classification", settings)


def image_split(space: Workspace, **settings: Any) -> Divided:
    return _split(space, "image-classification", settings)


def _split(space: Workspace, name: str, settings: dict[str, Any]) -> Divided:
    task = get_task(name)
    section: Any = sections(task).model_fields["split"].annotation
    return split(space, section.model_validate(settings), task.target)


def words(row: int, count: int = 12) -> str:
    return " ".join(f"w{row}x{i}" for i in range(count))


def rows(count: int = 60) -> list[Row]:
    return [Row("a.csv", number + 1, words(number), "xyz"[number % 3]) for number in range(count)]


def workspace(
    root: Path, data: list[Row], quarantined: tuple[str, ...] = (), labels: StoredLabel = CLASSES
) -> Workspace:
    space = Workspace(root)
    space.raw.mkdir(parents=True)
    write_rows(data, space.raw, StoredTexts(), labels)
    space.validation.mkdir(parents=True)
    with space.quarantine.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "source", "row", "split", "label", "rules", "content"])
        writer.writerows([name, "a.csv", 1, "", "x", "empty_text", ""] for name in quarantined)
    return space


def contents(space: Workspace) -> dict[str, bytes]:
    return {
        str(file.relative_to(space.splits)): file.read_bytes() for file in space.splits.rglob("*") if file.is_file()
    }


def test_writes_three_splits_and_counts_every_row(tmp_path: Path) -> None:
    gone = next(row.sha256 for row in rows() if row.row == 7)
    space = workspace(tmp_path, rows(), (str(gone)[:16],))
    done = text_split(space)
    assert done == Divided(
        {
            "ingested": 60,
            "quarantined_by_validation": 1,
            "quarantined_by_split": 0,
            "train": 41,
            "val": 6,
            "test": 12,
        },
        (),
    )
    assert sorted(contents(space)) == [
        "quarantine.csv",
        "split.json",
        "test/part-00000.parquet",
        "train/part-00000.parquet",
        "val/part-00000.parquet",
    ]
    frames = {name: read_whole(space.split(name)) for name in SPLITS}
    ids = [name for frame in frames.values() for name in frame["id"]]
    assert sorted(ids) == sorted(str(row.sha256)[:16] for row in rows() if row.row != 7)
    texts = {str(row.sha256)[:16]: (row.content, row.label) for row in rows()}
    for name, frame in frames.items():
        assert list(frame.columns) == ["id", "text", "label", "group"]
        assert frame["id"].is_monotonic_increasing
        assert len(frame) == done.rows[name]
        for record in frame.itertuples():
            assert (record.text, record.label) == texts[str(record.id)]
    schema = pq.read_schema(space.split("val") / "part-00000.parquet")
    assert schema == pa.schema([(name, pa.string()) for name in ("id", "text", "label", "group")])


def test_report(tmp_path: Path) -> None:
    space = workspace(tmp_path, rows())
    text_split(space, seed=3)
    report = read_json(space.split_report)
    assert report["method"] == "stratified"
    assert report["seed"] == 3
    assert report["near"]["threshold"] == 0.8
    assert report["near"]["shingle_words"] == 3
    assert report["labels"] == ["x", "y", "z"]
    assert report["label_counts"]["test"] == {"x": 4, "y": 4, "z": 4}
    assert len(set(report["sha256"].values())) == 3
    assert report["leakage"] == {
        "exact_groups": 0,
        "near_pairs": 0,
        "near_groups": 0,
        "mixed_label_groups": 0,
        "removed": [],
    }
    assert report["warnings"] == []


def test_equal_rows_in_any_order_are_equal_bytes(tmp_path: Path) -> None:
    data = rows(80)
    first = workspace(tmp_path / "one", data)
    random.Random(1).shuffle(data)  # noqa: S311
    second = workspace(tmp_path / "two", data)
    for space in (first, second):
        text_split(space)
    assert contents(first) == contents(second)


def test_official_leaks_go_to_the_quarantine(tmp_path: Path) -> None:
    data = [
        Row("a", number + 1, row.content, row.label, "test" if number < 9 else "train")
        for number, row in enumerate(rows())
    ]
    data.append(Row("a", 61, words(0).upper() + "!\r\nmore", "x", "train"))
    data.append(Row("a", 62, words(1, 13), "y", "train"))
    data.append(Row("a", 63, words(1), "y", "train"))
    space = workspace(tmp_path, data)
    done = text_split(space, method="official")
    assert done.rows["quarantined_by_split"] == 3
    assert done.rows["test"] == 9
    with (space.splits / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        records = {record["content"]: record for record in csv.DictReader(file)}
    near, longer = str(data[0].sha256)[:16], str(data[1].sha256)[:16]
    assert {text: (record["split"], record["label"], record["reason"]) for text, record in records.items()} == {
        words(0).upper() + "! more": ("train", "x", f"near to {near} of test (Jaccard 0.909)"),
        words(1, 13): ("train", "y", f"near to {longer} of test (Jaccard 0.909)"),
        words(1): ("train", "y", f"the same text as {longer} of test (Jaccard 1.000)"),
    }
    removed = read_json(space.split_report)["leakage"]["removed"]
    assert sorted(entry["id"] for entry in removed) == sorted(record["id"] for record in records.values())


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ([Row("a", 1, words(0), "x")], "split 'val' is empty"),
        ([*rows(), Row("a", 61, None, "x")], "1 of 61 rows have no text"),
        ([*rows(), Row("a", 61, "t", None)], "1 of 61 rows have no label"),
        ([Row("a", n, words(n), "x") for n in range(30)], r"train has 1 label \('x'\)"),
    ],
)
def test_a_failure_leaves_earlier_results(tmp_path: Path, data: list[Row], match: str) -> None:
    space = workspace(tmp_path / "good", rows())
    text_split(space)
    before = contents(space)
    bad = workspace(tmp_path / "bad", data)
    space.root.joinpath("data", "raw").rename(tmp_path / "old")
    bad.raw.rename(space.raw)
    with pytest.raises(SplitError, match=match):
        text_split(space)
    assert contents(space) == before


def test_a_disk_error_leaves_earlier_results(tmp_path: Path) -> None:
    space = workspace(tmp_path, rows())
    text_split(space)
    before = contents(space)
    blocked = space.splits / "quarantine.csv.partial"
    blocked.mkdir()  # the file that would be written next cannot be opened
    with pytest.raises(IsADirectoryError):
        text_split(space, seed=1)
    assert contents(space) == before


def images(count: int = 60) -> list[ImageRow]:
    return [ImageRow(number, "xyz"[number % 3], group="g") for number in range(count)]


def ingested(root: Path, data: list[ImageRow]) -> Workspace:
    space = write_images(root, data, rows_a_shard=7)
    space.validation.mkdir(parents=True)
    space.quarantine.write_text("id,source,row,split,label,rules,content\n", encoding="utf-8")
    return space


def test_images_are_divided_by_the_manifest_and_carried_over_as_they_are(tmp_path: Path) -> None:
    data = images()
    space = ingested(tmp_path / "one", data)
    done = image_split(space)
    assert done.rows == {
        "ingested": 60,
        "quarantined_by_validation": 0,
        "quarantined_by_split": 0,
        "train": 42,
        "val": 6,
        "test": 12,
    }
    by_id = {image.id: image for image in data}
    for name in SPLITS:
        frame = read_whole(space.split(name))
        assert list(frame.columns) == ["id", "image", "label", "group"]
        assert frame["id"].is_monotonic_increasing
        assert len(frame) == done.rows[name]
        for record in frame.itertuples():
            assert (record.image, record.label) == (by_id[str(record.id)].data, by_id[str(record.id)].label)
    report = read_json(space.split_report)
    assert report["near"] == {
        "method": "bits in which the 256-bit perceptual hashes of the images differ, exact",
        "threshold": 40,
    }
    random.Random(1).shuffle(data)  # noqa: S311
    again = ingested(tmp_path / "two", data)
    image_split(again)
    assert contents(again) == contents(space)


def test_official_images_near_to_the_test_images_go_to_the_quarantine(tmp_path: Path) -> None:
    data = [replace(image, split="test" if (image.number or 0) < 9 else "train") for image in images()]
    data.append(ImageRow(0, "x", split="train"))
    data.append(ImageRow(1, "y", 1, tuple(range(60, 90)), "train"))
    data.append(ImageRow(1, "y", 2, tuple(range(60, 120)), "train"))
    space = ingested(tmp_path, data)
    done = image_split(space, method="official")
    assert done.rows["quarantined_by_split"] == 3
    assert done.rows["test"] == 9
    with (space.splits / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        records = {record["source"]: record for record in csv.DictReader(file)}
    first, second = data[0].id, data[1].id
    assert {source: (record["id"], record["row"], record["reason"]) for source, record in records.items()} == {
        "train/x/0061.png": (f"{first}-1", "61", f"the same image as {first} of test (0 of 256 bits differ)"),
        "train/y/0062.png": (data[61].id, "62", f"near to {second} of test (30 of 256 bits differ)"),
        "train/y/0063.png": (
            data[62].id,
            "63",
            f"joined by a chain of near rows to {second} of test (60 of 256 bits differ)",
        ),
    }
    kept = image_split(space, method="official", near_duplicates=None)
    assert kept.rows["quarantined_by_split"] == 1
    assert read_json(space.split_report)["near"]["method"] == "same file"


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (ImageRow(None, "x"), r"1 of 61 rows have no image \(first"),
        (ImageRow(99, "x", error="cut off"), r"1 of 61 rows have no image that can be decoded \(first"),
        (ImageRow(99, None), "1 of 61 rows have no label"),
    ],
)
def test_an_image_that_nothing_can_use_is_refused(tmp_path: Path, bad: ImageRow, match: str) -> None:
    space = ingested(tmp_path, [*images(), bad])
    with pytest.raises(SplitError, match=match):
        image_split(space)
    assert contents(space) == {}


def test_shards_of_another_run_leave_earlier_results(tmp_path: Path) -> None:
    space = ingested(tmp_path, images())
    image_split(space)
    before = contents(space)
    min(space.raw.glob("part-*.parquet")).unlink()
    with pytest.raises(SplitError, match="the shards and the manifest of data/raw come from different runs"):
        image_split(space, seed=1)
    assert contents(space) == before


def test_numbers_stay_numbers_and_are_kept_in_proportion_by_their_size(tmp_path: Path) -> None:
    data = [Row("a", number + 1, words(number), number / 4) for number in range(100)]
    space = workspace(tmp_path, data, labels=NUMBERS)
    done = _split(space, "text-regression", {})
    assert (done.rows["train"], done.rows["val"], done.rows["test"]) == (70, 10, 20)
    expected = {str(row.sha256)[:16]: row.label for row in data}
    for name in SPLITS:
        schema = pq.read_schema(space.split(name) / "part-00000.parquet")
        assert schema.field("label").type == pa.float64()
        frame = read_whole(space.split(name))
        assert dict(zip(frame["id"], frame["label"], strict=True)).items() <= expected.items()
    report = read_json(space.split_report)
    assert len(report["labels"]) == 10
    assert report["label_counts"]["test"] == dict.fromkeys(report["labels"], 2)


def test_a_quarantine_of_another_run_is_refused(tmp_path: Path) -> None:
    space = workspace(tmp_path, rows(), ("0123456789abcdef",))
    with pytest.raises(SplitError, match="do not add up"):
        text_split(space)


def test_all_rows_quarantined(tmp_path: Path) -> None:
    space = workspace(tmp_path, rows(), tuple(str(row.sha256)[:16] for row in rows()))
    with pytest.raises(SplitError, match="0 rows are left to split"):
        text_split(space)


def test_without_validation(tmp_path: Path) -> None:
    space = workspace(tmp_path, rows())
    space.quarantine.unlink()
    with pytest.raises(WorkspaceError, match="written by `validate`"):
        text_split(space)
