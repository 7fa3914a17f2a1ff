"""One answer a value, in the order given."""

from pathlib import Path

import numpy as np
import pytest

from finetrail.contents.text.settings import TextBackbone
from finetrail.inference.predict import predict
from finetrail.serving.answer import BATCH, answer
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built

WORDS = ["good", "bad", "door", "stone", "happy", "weak", "river"]
TEXTS = [" ".join(WORDS[number % 7 :: 1 + number % 3]) for number in range(BATCH + 9)]  # more than one batch


def outputs_of(built: Built, texts: list[str]) -> np.ndarray:
    """The numbers (n, K) that the head gives, computed in batches of another size."""
    kept = predict(built.model, built.processor.encode(texts), built.learning.keep, 16)
    assert isinstance(kept, np.ndarray)
    return kept


@pytest.fixture(scope="module")
def built(saved_model: Path) -> Built:
    return load_model(saved_model)


def test_label_and_score_are_those_of_the_largest_probability(built: Built) -> None:
    logits = outputs_of(built, TEXTS).astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = answer(built, TEXTS)
    assert list(found.columns) == ["label", "score"]
    assert list(found["label"]) == [["bad", "good"][row.argmax()] for row in logits]
    np.testing.assert_allclose(found["score"], probabilities.max(axis=1), rtol=1e-6)
    assert found["score"].between(0.5, 1).all()


def test_answers_follow_the_order_of_the_values(built: Built) -> None:
    forward, backward = answer(built, TEXTS), answer(built, TEXTS[::-1])
    assert len(set(forward["score"].round(6))) > 5
    assert list(forward["label"]) == list(backward["label"])[::-1]
    np.testing.assert_allclose(forward["score"], backward["score"][::-1], rtol=1e-5)


def test_no_values_have_no_answers(built: Built) -> None:
    found = answer(built, [])
    assert (list(found.columns), len(found)) == (["label", "score"], 0)


@pytest.fixture(scope="module")
def regression(backbone: TextBackbone, tmp_path_factory: pytest.TempPathFactory) -> Built:
    task = get_task("text-regression")
    learning = task.target.learned({"mean": 3000.0, "std": 20.0})
    built = task.build(backbone, learning, Path(), ["text"])
    learning.finish(built.model)
    folder = tmp_path_factory.mktemp("regression")
    task.save(built, backbone, folder)
    return load_model(folder)


def test_a_regression_answers_with_its_number_alone(regression: Built) -> None:
    found = answer(regression, TEXTS)
    assert list(found.columns) == ["prediction"]
    said = outputs_of(regression, TEXTS)[:, 0]
    np.testing.assert_allclose(found["prediction"], said, rtol=1e-6)
    assert 2500 < found["prediction"].mean() < 3500
    assert (list(answer(regression, []).columns), len(answer(regression, []))) == (["prediction"], 0)
