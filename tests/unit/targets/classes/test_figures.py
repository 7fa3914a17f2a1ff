"""The figures of a classifier's report."""

import numpy as np

from finetrail.targets.classes.figures import confusion_figure


def test_small_matrices_show_counts_and_large_ones_do_not() -> None:
    few = confusion_figure(np.eye(25, dtype=np.int64) * 3, [f"c{k}" for k in range(25)])
    many = confusion_figure(np.eye(26, dtype=np.int64) * 3, [f"c{k}" for k in range(26)])
    assert (few.count(">3</text>"), many.count(">3</text>")) == (25, 0)
    assert "c25 → c25: 3 of 3 rows (100.0%)" in many
