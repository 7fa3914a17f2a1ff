"""Shards: bounded in rows and bytes, read again in order without holding them, and picked from by id."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.contents.image.stored import IMAGES
from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.raw import Row, read_manifest, write_rows
from finetrail.data.store.shards import Contents, Most, parts, pick, read_batches, read_frame
from finetrail.errors import WorkspaceError
from finetrail.targets.classes import CLASSES

PIECES = st.lists(st.none() | st.binary(max_size=40), max_size=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def rows_of(pieces: list[bytes | None]) -> list[Row]:
    return [Row("a.zip", number, piece, "x", "train", "g") for number, piece in enumerate(pieces, start=1)]


@given(PIECES, st.tuples(st.integers(1, 5), st.integers(1, 7)), st.tuples(st.integers(1, 100), st.integers(1, 200)))
@settings(max_examples=40)
def test_every_content_comes_back_in_its_order_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[bytes | None],
    most_rows: tuple[int, int],
    most_bytes: tuple[int, int],
) -> None:
    folder = tmp_path_factory.mktemp("raw")
    batch_of, shard_of = map(Most, most_rows, most_bytes)
    write_rows(rows_of(pieces), folder, IMAGES, CLASSES, batch_of=batch_of, shard_of=shard_of)
    contents = Contents(folder, "image")
    assert len(contents) == len(pieces)
    assert list(contents) == list(contents) == pieces
    read = [batch["image"].to_pylist() for batch in read_batches(folder, ["image"], rows=2)]
    assert max(map(len, read), default=0) <= 2
    assert [piece for batch in read for piece in batch] == pieces
    ids = list(read_manifest(folder)["id"])
    assert list(read_frame(folder)["id"]) == ids
    assert pick(folder, "image", ids[::3]) == dict(list(zip(ids, pieces, strict=True))[::3])
    for file in folder.glob("part-*.parquet"):
        assert pq.read_metadata(file).num_rows <= max(most_rows)
        assert pq.read_schema(file).names == ["id", "image", "label", "split", "group"]


def test_a_shard_is_bounded_in_bytes(folder: Path) -> None:
    rows = rows_of([bytes([n]) * 300 for n in range(10)])
    write_rows(rows, folder, IMAGES, CLASSES, batch_of=Most(1, 2**20), shard_of=Most(50, 1000))
    assert [pq.read_metadata(file).num_rows for file in parts(folder)] == [3, 3, 3, 1]


def test_images_are_stored_as_they_are_and_their_labels_compressed(folder: Path) -> None:
    write_rows(rows_of([bytes(50_000)] * 3), folder, IMAGES, CLASSES)
    group = pq.read_metadata(folder / "part-00000.parquet").row_group(0)
    stored = {group.column(n).path_in_schema: group.column(n).compression for n in range(group.num_columns)}
    assert stored == dict.fromkeys(("id", "label", "split", "group"), "ZSTD") | {"image": "UNCOMPRESSED"}
    assert (folder / "part-00000.parquet").stat().st_size > 150_000  # and not once for all three


def test_no_rows_are_no_shards(folder: Path) -> None:
    write_rows([], folder, IMAGES, CLASSES)
    assert len(read_manifest(folder)) == len(read_frame(folder)) == len(Contents(folder, "image")) == 0
    assert pick(folder, "image", []) == {}


def test_an_id_that_is_not_there_is_named(folder: Path) -> None:
    write_rows([Row("a.csv", 1, "words", "x")], folder, StoredTexts(), CLASSES)
    with pytest.raises(
        WorkspaceError, match="raw has no row 'absent': its files come from different runs; run `dvc repro`"
    ):
        pick(folder, "text", ["absent"])
    with pytest.raises(WorkspaceError, match="no does not exist: it is written by `split`"):
        Contents(folder.parent / "no", "text")


def test_the_manifest_has_the_types_that_the_content_says(folder: Path) -> None:
    write_rows(rows_of([None, b"x"]), folder, IMAGES, CLASSES)
    schema = pq.read_schema(folder / "manifest.parquet")
    assert {name: str(schema.field(name).type) for name in IMAGES.facts} == {
        name: kind.replace("float64", "double") for name, kind in IMAGES.facts.items()
    }
