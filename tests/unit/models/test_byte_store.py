"""A block of byte strings: every part as it was put in, in memory or in a file that nobody sees."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.models.byte_store import Packed


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_every_part_is_as_it_was_put_in(parts: list[bytes]) -> None:
    block = Packed(iter(parts))
    assert len(block) == len(parts)
    assert [block[number].tobytes() for number in range(len(parts))] == parts


def test_what_is_too_large_for_memory_is_mapped_from_a_file_without_a_name(tmp_path: Path) -> None:
    parts = [np.full((7, 11, 3), number, dtype=np.uint8) for number in range(60)]
    scratch = tmp_path / "new" / "scratch"
    block = Packed(parts, scratch, in_memory=1000, resident=2000)
    assert not block.in_memory
    assert list(scratch.iterdir()) == []
    for _ in range(3):  # more than may be resident
        for number in np.random.default_rng(0).permutation(60).tolist():
            assert (block[number] == number).all()
            assert len(block[number]) == 7 * 11 * 3


def test_a_part_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Packed([b"abc"])[0][0] = 1
