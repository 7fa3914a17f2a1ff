"""Frequencies that are promised: they hold on new rows of the same kind, and are refused where rows are too few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.errors import TrainingError
from finetrail.targets.conformal import conformal_quantile, promised


@given(st.integers(0, 2**32 - 1), st.integers(20, 60), st.sampled_from([0.5, 0.8, 0.9]))
def test_the_quantile_is_the_rank_of_a_new_row(seed: int, rows: int, coverage: float) -> None:
    """Of n + 1 exchangeable rows each is the new one equally often: count those that the others cover."""
    scores = np.random.default_rng(seed).normal(size=rows + 1)
    covered = [scores[one] <= conformal_quantile(np.delete(scores, one), coverage) for one in range(rows + 1)]
    assert coverage <= np.mean(covered) <= coverage + 1 / (rows + 1) + 1e-9


def test_nine_rows_are_enough_for_nine_tenths_and_eight_are_not() -> None:
    assert conformal_quantile(np.arange(9.0), 0.9) == 8
    assert not promised(8, 0.9)
    message = r"^train.coverage is 0.9, which takes at least 9 validation rows, but there are 8; lower train.coverage, "
    with pytest.raises(TrainingError, match=message):
        conformal_quantile(np.arange(8.0), 0.9)
