"""The ingested rows on disk: every row once, with an id of its own that depends on its content."""

import hashlib
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.raw import Row, Unreadable, keyed, read_manifest, smallest_hashes, write_rows
from finetrail.data.store.shards import Most, metadata_of, read_frame
from finetrail.errors import WorkspaceError
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from tests.whole import read_whole

ROWS = st.lists(
    st.builds(
        Row,
        source=st.sampled_from(["a.csv", "b.csv"]),
        row=st.integers(1, 3),
        content=st.none() | st.sampled_from(["", "same", "other"]) | st.text(max_size=5),
        label=st.none() | st.sampled_from("xy"),
        split=st.none() | st.sampled_from(["train", "val", "test"]),
        group=st.none() | st.sampled_from("gh"),
    ),
    max_size=12,
)


def digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def write(folder: Path, rows: list[Row], **most: Any) -> dict[str, int]:
    for old in folder.glob("*"):
        old.unlink()
    return dict(write_rows(rows, folder, StoredTexts(), CLASSES, **most))


def test_metadata_have_columns_of_their_own_whatever_they_are_called(tmp_path: Path) -> None:
    names = ("Patient.ID", "text", "a b/c")
    known = [dict.fromkeys(names, str(number)) for number in range(2)] + [{"text": "2"}]
    rows = [Row("a.csv", number, "same", "x", metadata=one) for number, one in enumerate(known)]
    write_rows(rows, tmp_path, StoredTexts(), CLASSES, metadata=names)
    assert metadata_of(read_frame(tmp_path)) == {
        "Patient.ID": ["0", "1", None],
        "text": ["0", "1", "2"],
        "a b/c": ["0", "1", None],
    }


@given(ROWS.filter(bool))
def test_every_row_comes_back_once_in_its_order_under_its_own_id(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "raw"
    folder.mkdir(exist_ok=True)
    counts = write(folder, rows)
    frame, manifest = read_whole(folder), read_manifest(folder)
    found = frame.astype(object).where(frame.notna(), None)
    expected = [(row.content, row.label, row.split, row.group) for row in rows]
    assert list(zip(found.text, found.label, found.split, found.group, strict=True)) == expected
    assert frame["id"].is_unique
    assert list(frame["id"]) == list(manifest["id"])
    assert sum(counts.values()) == len(rows)
    assert counts == {name: counts[name] for name in {row.split or "all" for row in rows}}
    for row, identity in zip(rows, frame["id"], strict=True):
        assert row.content is None or identity.split("-")[0] == digest(row.content)[:16]


def test_further_rows_of_the_same_text_are_numbered(tmp_path: Path) -> None:
    rows = [Row("a.csv", number, text, "x") for number, text in enumerate(["same", "other", "same", "same"], start=1)]
    write(tmp_path, rows)
    same, other = digest("same")[:16], digest("other")[:16]
    assert list(read_manifest(tmp_path)["id"]) == [same, other, f"{same}-1", f"{same}-2"]


def test_rows_added_at_the_end_leave_the_ids_of_the_others(tmp_path: Path) -> None:
    rows = [Row("a.csv", number, text, "x") for number, text in enumerate(["a", None, "b", "a", None], start=1)]
    write(tmp_path, rows)
    before = list(read_whole(tmp_path)["id"])
    write(tmp_path, [*rows, Row("a.csv", 6, "a", "y"), Row("a.csv", 7, None, "y")])
    assert list(read_whole(tmp_path)["id"])[:5] == before


def test_the_manifest_says_of_each_row_where_it_is_from_and_how_long(tmp_path: Path) -> None:
    rows = [
        Row("a.csv", 1, "größer  als\neins", "x", "train", "g"),
        Row("a.csv", 2, "", None),
        Row("b.csv", 1, None, "y"),
    ]
    write(tmp_path, rows)
    manifest = read_manifest(tmp_path)
    assert sorted(manifest.columns) == sorted(
        ["id", "source", "row", "split", "label", "label_text", "group", "sha256", *StoredTexts().facts]
    )
    records = manifest.astype(object).where(manifest.notna(), None).to_dict("records")
    assert [record["source"] for record in records] == ["a.csv", "a.csv", "b.csv"]
    assert [record["row"] for record in records] == [1, 2, 1]
    assert [record["sha256"] for record in records] == [digest("größer  als\neins"), digest(""), None]
    assert [(record["characters"], record["words"]) for record in records] == [(16, 3), (0, 0), (None, None)]
    assert [record["split"] for record in records] == ["train", None, None]
    assert [record["group"] for record in records] == ["g", None, None]


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    rows = [Row("a.csv", 1, "one", "x"), Row("a.csv", 2, "two", "y")]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, rows)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["manifest.parquet", "part-00000.parquet"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)


def test_many_rows_go_into_several_shards_in_order(tmp_path: Path) -> None:
    rows = [Row("a.csv", number, f"text {number}", "x") for number in range(7)]
    write(tmp_path, rows, batch_of=Most(1, 2**20), shard_of=Most(3, 2**20))
    assert len(list(tmp_path.glob("part-*.parquet"))) == 3
    assert list(read_whole(tmp_path)["text"]) == [f"text {number}" for number in range(7)]


def test_labels_are_stored_as_what_they_are_and_those_that_are_none_as_text(tmp_path: Path) -> None:
    labels = [1.0, None, Unreadable("n/a"), -2.5e300, 0.1]
    rows = [Row("a.csv", number, f"text {number}", label) for number, label in enumerate(labels, start=1)]
    write_rows(rows, tmp_path, StoredTexts(), NUMBERS)
    for file in ("part-00000.parquet", "manifest.parquet"):
        assert pq.read_schema(tmp_path / file).field("label").type == pa.float64()
    stored = pq.read_table(tmp_path / "part-00000.parquet")["label"].to_pylist()
    assert stored == [1.0, None, None, -2.5e300, 0.1]
    manifest = read_manifest(tmp_path)
    assert manifest["label"].dtype == "float64"
    assert pq.read_table(tmp_path / "manifest.parquet")["label_text"].to_pylist() == [None, None, "n/a", None, None]
    found = keyed(manifest, NUMBERS.key)["label"]
    assert found.astype(object).where(found.notna(), None).tolist() == ["1.0", None, "n/a", "-2.5e+300", "0.1"]


def test_a_manifest_without_labels_is_left_to_the_rule_that_says_so(tmp_path: Path) -> None:
    write(tmp_path, [Row("a.csv", 1, "text", "x")])
    without = read_manifest(tmp_path).drop(columns="label_text")
    assert keyed(without, CLASSES.key) is without


@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 4))
def test_a_limit_keeps_the_same_texts_in_whatever_order_the_rows_come(
    rows: list[Row], random: Random, limit: int
) -> None:
    limits = {"train": limit, "all": limit + 1}
    shuffled = list(rows)
    random.shuffle(shuffled)
    kept = list(smallest_hashes(rows, limits))
    assert sorted((row.split or "", row.sha256 or "") for row in kept) == sorted(
        (row.split or "", row.sha256 or "") for row in smallest_hashes(shuffled, limits)
    )
    assert kept == [row for row in rows if any(row is one for one in kept)]  # in their order
    for split in ("all", "train", "val", "test"):
        hashes = sorted(row.sha256 or "" for row in rows if (row.split or "all") == split)
        assert (
            sorted(row.sha256 or "" for row in kept if (row.split or "all") == split)
            == hashes[: limits.get(split, len(hashes))]
        )


def test_rows_added_at_the_end_can_only_push_rows_out_of_a_limit() -> None:
    rows = [Row("a.csv", number, f"text {number}", "x") for number in range(200)]
    before = {row.content for row in smallest_hashes(rows[:150], {"all": 50})}
    after = {row.content for row in smallest_hashes(rows, {"all": 50})}
    assert len(before) == len(after) == 50
    assert {text for text in after if int(str(text).split()[1]) < 150} <= before
    assert before != {f"text {number}" for number in range(50)}  # and they are not simply the first


def test_what_was_not_written_yet_is_named_with_its_stage(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"manifest\.parquet does not exist: it is written by `ingest`"):
        read_manifest(tmp_path)
    with pytest.raises(WorkspaceError, match="train does not exist: it is written by `split`"):
        read_frame(tmp_path / "train")
