"""Contents on their way into shards: bounded, in order, and none lost."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.splitting.buckets import cut, distribute
from finetrail.data.store.shards import Contents, Most, pick
from finetrail.errors import SplitError
from tests.unit.image_rows import ImageRow, write_images

IMAGES = [ImageRow(number, "x", group=f"g{number % 3}") for number in range(60)]


@given(st.lists(st.integers(0, 40), max_size=60))
def test_no_shard_has_too_many_rows_or_too_large_contents(sizes: list[int]) -> None:
    shards = cut(np.array(sizes, dtype=np.int64), Most(rows=5, size=30)).tolist()
    assert shards == sorted(shards)
    assert set(shards) == set(range(max(shards, default=-1) + 1))
    for shard in set(shards):
        own = [size for size, place in zip(sizes, shards, strict=True) if place == shard]
        assert len(own) <= 5
        assert sum(own) <= 30 or len(own) == 1


def spread(root: Path, images: list[ImageRow], rows_a_shard: int = 1000) -> list[Path]:
    space = write_images(root, images, rows_a_shard=7)
    ids = [image.id for image in images]
    folders = [root / "even", root / "odd"]
    for folder in folders:
        folder.mkdir()
    splits = np.array([-1 if image.number == 9 else int(image.number or 0) % 2 for image in images])
    sizes = np.array([len(image.data or b"") for image in images])
    distribute(space.raw, "image", ids, sizes=sizes, splits=splits, folders=folders, shard_of=Most(rows_a_shard, 2**30))
    return folders


def test_every_row_lies_in_its_folder_in_the_order_of_the_ids(tmp_path: Path) -> None:
    for name, images in (("one", IMAGES), ("two", IMAGES[::-1])):
        (tmp_path / name).mkdir()
        folders = spread(tmp_path / name, images, rows_a_shard=8)
        for odd, folder in enumerate(folders):
            assert [path.name for path in sorted(folder.iterdir())] == [f"part-0000{n}.parquet" for n in range(4)]
            rows = [row for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]
            expected = sorted(
                (p for p in IMAGES if int(p.number or 0) % 2 == odd and p.number != 9), key=lambda p: p.id
            )
            assert rows == [{"id": p.id, "image": p.data, "label": "x", "group": p.group} for p in expected]
    one, two = ([path.read_bytes() for path in sorted((tmp_path / name).glob("*/part*"))] for name in ("one", "two"))
    assert len(one) == 8
    assert one == two


def test_images_are_stored_as_they_are_and_the_rest_is_compressed(tmp_path: Path) -> None:
    folder = spread(tmp_path, IMAGES)[0]
    group = pq.read_metadata(folder / "part-00000.parquet").row_group(0)
    assert {group.column(place).path_in_schema: group.column(place).compression for place in range(4)} == {
        "id": "ZSTD",
        "image": "UNCOMPRESSED",
        "label": "ZSTD",
        "group": "ZSTD",
    }


def test_shards_of_other_rows_are_refused(tmp_path: Path) -> None:
    raw = write_images(tmp_path, IMAGES).raw
    ids = [image.id for image in IMAGES]
    for other in (["another", *ids[1:]], [*ids, "one more"]):
        folder = tmp_path / str(len(other))
        folder.mkdir()
        zeros = np.zeros(len(other), dtype=np.int64)
        with pytest.raises(
            SplitError, match="the shards and the manifest of data/raw come from different runs; run `finetrail"
        ):
            distribute(raw, "image", other, sizes=zeros, splits=zeros, folders=[folder])


def test_contents_are_read_in_order_and_by_id(tmp_path: Path) -> None:
    raw = write_images(tmp_path, IMAGES, rows_a_shard=7).raw
    assert list(Contents(raw, "image")) == [image.data for image in IMAGES]
    wanted = {IMAGES[50].id, IMAGES[3].id}
    assert pick(raw, "image", wanted) == {IMAGES[n].id: IMAGES[n].data for n in (3, 50)}
    assert pick(raw, "image", []) == {}
