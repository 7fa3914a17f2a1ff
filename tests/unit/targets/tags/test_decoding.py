"""The likeliest legal tags, against trying all of them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.classes.metrics import log_softmax
from finetrail.targets.tags.alignment import inventory
from finetrail.targets.tags.decoding import best_path, span_scores
from finetrail.targets.tags.schemes import faults

NEVER = -np.inf


@st.composite
def problems(draw: st.DrawFn) -> tuple[Floats, list[str]]:
    tags = inventory("XY"[: draw(st.integers(0, 2))])
    shape = (draw(st.integers(0, 4)), len(tags))
    # Few values: ties, and tags of probability 0.
    values = st.sampled_from([0.0, -0.5, -1.0, -3.0, NEVER]) | st.floats(-8, 0)
    return draw(arrays.arrays(np.float64, shape, elements=values)), tags


def is_legal(path: tuple[int, ...] | list[int], tags: list[str]) -> bool:
    return not faults([tags[number] for number in path], "iob2")


@given(problems())
def test_no_legal_path_is_likelier(problem: tuple[Floats, list[str]]) -> None:
    scores, tags = problem
    path = best_path(scores, tags)
    assert is_legal(path, tags)

    def score(candidate: tuple[int, ...] | list[int]) -> float:
        return float(sum(scores[word, tag] for word, tag in enumerate(candidate)))

    legal = [one for one in product(range(len(tags)), repeat=len(scores)) if is_legal(one, tags)]
    assert score(path) == pytest.approx(max(map(score, legal)))


def test_an_inside_without_a_begin_is_mended_by_what_is_likeliest() -> None:
    tags = inventory(["X", "Y"])
    likely = {("O", 0): 0.6, ("B-X", 0): 0.4, ("I-X", 1): 0.9, ("O", 1): 0.1, ("I-Y", 2): 0.5, ("I-X", 2): 0.4}
    probabilities = np.full((3, len(tags)), 1e-9)
    for (tag, word), probability in likely.items():
        probabilities[word, tags.index(tag)] = probability
    path = best_path(np.log(probabilities), tags)
    assert [tags[number] for number in path] == ["B-X", "I-X", "I-X"]
    assert span_scores(np.log(probabilities), path, tags) == pytest.approx([(0.4 + 0.9 + 0.4) / 3])


def test_a_word_that_was_not_read_is_outside() -> None:
    tags = inventory(["X"])
    scores = np.log([[0.1, 0.8, 0.1], [np.nan] * 3, [0.1, 0.2, 0.7], [0.2, 0.1, 0.7]])
    assert [tags[number] for number in best_path(scores, tags)] == ["B-X", "O", "B-X", "I-X"]
    assert span_scores(scores, best_path(scores, tags), tags) == pytest.approx([0.8, 0.45])
    assert best_path(np.full((2, 3), np.nan), tags) == [0, 0]


def test_every_span_gets_a_score_in_its_order() -> None:
    tags = inventory(["X", "Y"])
    path = [tags.index(tag) for tag in ("B-X", "B-X", "I-X", "O", "B-Y")]
    scores = log_softmax(np.random.default_rng(0).normal(size=(5, len(tags))))
    chosen = np.exp(scores[np.arange(5), path])
    assert span_scores(scores, path, tags) == pytest.approx([chosen[0], chosen[1:3].mean(), chosen[4]])
    assert span_scores(scores, [0] * 5, tags) == []


def test_the_inputs_stay_as_they_are() -> None:
    scores = np.log([[0.1, 0.1, 0.8], [np.nan] * 3])
    before = scores.copy()
    best_path(scores, inventory(["X"]))
    np.testing.assert_array_equal(scores, before)
