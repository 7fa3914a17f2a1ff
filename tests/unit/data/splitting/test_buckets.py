"""Contents on their way into shards: bounded, in order, and none lost."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.splitting import buckets
from finetrail.data.splitting.buckets import cut, distribute
from finetrail.data.store.shards import Contents, pick
from finetrail.errors import SplitError
from tests.unit.image_rows import Picture, write_images

PICTURES = [Picture(number, "x", group=f"g{number % 3}") for number in range(60)]


@given(st.lists(st.integers(0, 40), max_size=60))
def test_no_shard_has_too_many_rows_or_too_large_contents(sizes: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "ROWS_A_SHARD", 5)
        patch.setattr(buckets, "BYTES_A_SHARD", 30)
        shards = cut(np.array(sizes, dtype=np.int64)).tolist()
    assert shards == sorted(shards)
    assert set(shards) == set(range(max(shards, default=-1) + 1))
    for shard in set(shards):
        own = [size for size, place in zip(sizes, shards, strict=True) if place == shard]
        assert len(own) <= 5
        assert sum(own) <= 30 or len(own) == 1


def spread(root: Path, pictures: list[Picture]) -> list[Path]:
    space = write_images(root, pictures, rows_a_shard=7)
    ids = [picture.id for picture in pictures]
    folders = [root / "even", root / "odd"]
    for folder in folders:
        folder.mkdir()
    splits = np.array([-1 if picture.number == 9 else int(picture.number or 0) % 2 for picture in pictures])
    sizes = np.array([len(picture.data or b"") for picture in pictures])
    distribute(space.raw, "image", ids, sizes=sizes, splits=splits, folders=folders)
    return folders


def test_every_row_lies_in_its_folder_in_the_order_of_the_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "ROWS_A_SHARD", 8)
    for name, pictures in (("one", PICTURES), ("two", PICTURES[::-1])):
        (tmp_path / name).mkdir()
        folders = spread(tmp_path / name, pictures)
        for odd, folder in enumerate(folders):
            assert [path.name for path in sorted(folder.iterdir())] == [f"part-0000{n}.parquet" for n in range(4)]
            rows = [row for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]
            expected = sorted(
                (p for p in PICTURES if int(p.number or 0) % 2 == odd and p.number != 9), key=lambda p: p.id
            )
            assert rows == [{"id": p.id, "image": p.data, "label": "x", "group": p.group} for p in expected]
    one, two = ([path.read_bytes() for path in sorted((tmp_path / name).glob("*/part*"))] for name in ("one", "two"))
    assert len(one) == 8
    assert one == two


def test_images_are_stored_as_they_are_and_the_rest_is_compressed(tmp_path: Path) -> None:
    folder = spread(tmp_path, PICTURES)[0]
    group = pq.read_metadata(folder / "part-00000.parquet").row_group(0)
    assert {group.column(place).path_in_schema: group.column(place).compression for place in range(4)} == {
        "id": "ZSTD",
        "image": "UNCOMPRESSED",
        "label": "ZSTD",
        "group": "ZSTD",
    }


def test_shards_of_other_rows_are_refused(tmp_path: Path) -> None:
    raw = write_images(tmp_path, PICTURES).raw
    ids = [picture.id for picture in PICTURES]
    for other in (["another", *ids[1:]], [*ids, "one more"]):
        folder = tmp_path / str(len(other))
        folder.mkdir()
        zeros = np.zeros(len(other), dtype=np.int64)
        with pytest.raises(
            SplitError, match="the shards and the manifest of data/raw are not of one run; run `finetrail"
        ):
            distribute(raw, "image", other, sizes=zeros, splits=zeros, folders=[folder])


def test_contents_are_read_in_order_and_by_id(tmp_path: Path) -> None:
    raw = write_images(tmp_path, PICTURES, rows_a_shard=7).raw
    assert list(Contents(raw, "image")) == [picture.data for picture in PICTURES]
    wanted = {PICTURES[50].id, PICTURES[3].id}
    assert pick(raw, "image", wanted) == {PICTURES[n].id: PICTURES[n].data for n in (3, 50)}
    assert pick(raw, "image", []) == {}
