"""Which rows the time per row is measured on; the measuring itself is tried on real models in tests/pipeline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.commands.compare.latency import spread
from finetrail.errors import WorkspaceError


@given(st.integers(1, 500), st.integers(1, 500))
def test_rows_are_as_many_as_wanted_and_spread_over_all(count: int, wanted: int) -> None:
    rows = [f"row{number}" for number in range(count)]
    found = spread(rows, wanted)
    assert len(found) == min(count, wanted)
    places = [rows.index(row) for row in found]
    assert places[0] == 0
    assert places == sorted(set(places))
    if count >= 2 * wanted > 2:
        assert places[-1] >= count // 2


def test_no_rows_to_measure_are_named() -> None:
    with pytest.raises(WorkspaceError, match=r"data/splits/val has no rows, .*: run `dvc repro`"):
        spread([], 5)
