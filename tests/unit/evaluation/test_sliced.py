"""The table of slices: means of errors inside and outside, with intervals that hold what they should."""

import numpy as np
import pytest

from finetrail.evaluation.report.slices import slices_section
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.scores.sliced import SliceTable, slice_table

ERRORS = Metric("error_rate", "share of wrong answers", lower=True)
DRAWS = Draws(resamples=300, seed=0)


def table(seed: int = 0, rows: int = 400) -> SliceTable:
    """The first quarter is wrong half the time, the others one time in five."""
    chance = np.random.default_rng(seed)
    quarter = np.arange(rows) < rows // 4
    errors = (chance.random(rows) < np.where(quarter, 0.5, 0.2)).astype(np.float64)
    slices = {"bad": quarter, "<all>": np.ones(rows, dtype=np.bool_), "none": np.zeros(rows, dtype=np.bool_)}
    return slice_table(ERRORS, errors, slices, DRAWS)


def test_a_slice_is_compared_with_all_other_rows() -> None:
    bad, whole, none = table().slices
    assert (bad.rows, whole.rows, none.rows) == (100, 400, 0)
    assert bad.error is not None
    assert bad.rest is not None
    assert bad.difference is not None
    assert bad.difference.value == pytest.approx(bad.error.value - bad.rest.value)
    assert bad.difference.low > 0.1
    assert bad.error.low < 0.5 < bad.error.high
    assert (whole.rest, whole.difference) == (None, None)
    assert (none.error, none.difference) == (None, None)
    assert none.rest == whole.error


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = 0
    for seed in range(200):
        difference = table(seed).slices[0].difference
        assert difference is not None
        held += difference.low <= 0.3 <= difference.high
    assert 0.90 <= held / 200 <= 0.99


def test_groups_are_drawn_whole() -> None:
    """Copies of a row say nothing new: the interval is that of the groups."""
    chance = np.random.default_rng(0)
    few = chance.random(40)
    inside = np.arange(40) < 20
    single = slice_table(ERRORS, few, {"a": inside}, DRAWS).slices[0].error
    groups = [f"{row}" for row in range(40) for _ in range(10)]
    many = slice_table(ERRORS, few.repeat(10), {"a": inside.repeat(10)}, DRAWS, groups).slices[0].error
    assert single is not None
    assert many is not None
    assert (many.low, many.high) == pytest.approx((single.low, single.high))


def test_the_section_shows_the_table_and_writes_one_number_a_slice() -> None:
    (section,) = slices_section(table())
    assert "&lt;all&gt;" in section.html
    assert section.html.count("<svg") == 1
    assert "no rows" in section.html
    written = section.json["slices"]
    bad = table().slices[0]
    assert bad.error is not None
    assert written["bad"]["error"] == bad.error.value
    assert [name for name, value in written["bad"].items() if isinstance(value, float)] == ["error"]
    assert slices_section(slice_table(ERRORS, np.zeros(3), {}, DRAWS)) == []
