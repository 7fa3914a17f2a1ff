"""Spellings of one name are found, and one of them stays."""

from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.canonical import canonical, folded
from finetrail.data.validation.spellings import Spellings, counted, described, find
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.tags import TAGS


@pytest.mark.parametrize(
    ("names", "others"),
    [
        ({"Sport": 9, "sport": 3, "Wetter": 5}, {"sport": "Sport"}),
        ({"Sport": 3, "sport": 9}, {"Sport": "sport"}),
        ({"Sport ": 9, "Sport": 3}, {"Sport ": "Sport"}),
        ({"Sport ": 9, "Sport\u00a0": 3}, {"Sport ": "Sport", "Sport\u00a0": "Sport"}),
        ({"Cafe\u0301": 9, "Café": 3}, {"Cafe\u0301": "Café"}),
        ({"Sport ": 9}, {}),
        ({"a": 1, "b": 1, "ab": 1, "a b": 1, "C": 1, "C++": 1}, {}),
    ],
    ids=str,
)
def test_the_commonest_spelling_stays_in_its_canonical_form(names: dict[str, int], others: dict[str, str]) -> None:
    assert find(names) == Spellings({}, others)


def test_an_allowed_spelling_stays_even_if_no_row_has_it() -> None:
    assert find({"sport": 9, "SPORT": 1}, ["Sport", "Wetter"]).others == {"SPORT": "Sport", "sport": "Sport"}
    assert find({"sport": 9}, ["Sport"]).others == {"sport": "Sport"}
    assert find({"us": 9, "US": 1}, ["us", "US"]).others == {}  # whoever allows both tells them apart


def test_whole_numbers_are_merged_without_being_asked() -> None:
    found = find({"3": 1, "3.0": 9, "03": 2, "-1.00": 1, "-1": 1, "4.0": 5, "3.5": 1})
    assert found == Spellings({"-1.00": "-1", "3.0": "3"}, {})
    assert found.merged == {"-1.00": "-1", "3.0": "3"}


def test_the_others_only_if_asked() -> None:
    names = {"3": 1, "3.0": 1, "a": 2, "A": 1}
    assert find(names).merged == {"3.0": "3"}
    assert find(names, merge=True).merged == {"3.0": "3", "A": "a"}


@given(st.dictionaries(st.text(st.sampled_from("aAé e\u0301\u00a0\u200b3.0"), min_size=1), st.integers(1, 9)))
def test_after_a_merge_no_two_names_are_spellings_of_one(names: dict[str, int]) -> None:
    found = find(names, merge=True)
    left = {found.merged.get(name, name) for name in names}
    assert find(dict.fromkeys(left, 1)).merged == {}
    assert len({folded(name) for name in left}) == len(left)
    assert all(canonical(kept) == kept for kept in found.merged.values())


@pytest.mark.parametrize(
    ("target", "labels", "counts", "said", "renamed"),
    [
        (CLASSES, ["a", "A", None], {"a": 1, "A": 1}, [None, "'A' for 'a'", None], ["a", "a"]),
        (
            CLASS_SETS,
            [["A", "a", "b"], ["b"], []],
            {"a": 1, "A": 1, "b": 2},
            ["'A' for 'a'", None, None],
            [["a", "b"], ["b"], []],
        ),
        (
            TAGS,
            [[{"start": 0, "end": 1, "type": "A"}, {"start": 2, "end": 3, "type": "A"}], [], None],
            {"A": 1},
            ["'A' for 'a'; 'A' for 'a'", None, None],
            [[{"start": 0, "end": 1, "type": "a"}, {"start": 2, "end": 3, "type": "a"}], []],
        ),
        (NUMBERS, [1.0, None], {}, [None, None], [1.0]),
    ],
    ids=["classes", "sets", "spans", "numbers"],
)
def test_every_kind_of_label_tells_its_names_and_can_be_renamed(
    target: Any, labels: list[Any], counts: dict[str, int], said: list[str | None], renamed: list[Any]
) -> None:
    manifest = pd.DataFrame({"label": pd.Series(labels, dtype=object)})
    assert counted(manifest, target) == Counter(counts)
    found = described(manifest, target, {"A": "a"})
    assert [None if pd.isna(one) else one for one in found] == said
    assert [target.renamed(label, {"A": "a"}) for label in labels if label is not None] == renamed
