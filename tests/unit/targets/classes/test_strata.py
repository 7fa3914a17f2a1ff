"""What classes mean to the split: each is kept in proportion, and each must be learned."""

import pytest

from finetrail.data.splitting.rows import Division
from finetrail.errors import SplitError
from finetrail.targets.classes.strata import ClassStrata


def counts(**train: int) -> dict[str, dict[str, int]]:
    return {"train": train, "val": dict.fromkeys(train, 1), "test": dict.fromkeys(train, 2)}


def test_a_row_is_of_the_stratum_of_its_class() -> None:
    assert ClassStrata().of(["b", "a", "b"], [None] * 3, Division()) == [("b",), ("a",), ("b",)]


def test_a_class_that_is_never_in_train_is_refused() -> None:
    ClassStrata().refuse(counts(a=1, b=1), ["a", "b"])
    with pytest.raises(
        SplitError,
        match=r"label 'b' with 3 rows is never in train \(train 0, val 1, test 2\): it cannot be learned; add",
    ):
        ClassStrata().refuse(counts(a=4, b=0), ["a"] * 4)


def test_a_single_class_is_refused() -> None:
    with pytest.raises(SplitError, match=r"train has 1 label \('a'\): a classifier needs at least 2 labels"):
        ClassStrata().refuse(counts(a=4), ["a"] * 4)
