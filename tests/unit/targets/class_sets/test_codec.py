"""What a multi-label classifier says: scales change how sure it is, and never which classes it gives."""

import json

import numpy as np
import pytest

from finetrail.targets.calibration import calibration, yes_or_no
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.class_sets.codec import SetCodec, probabilities
from finetrail.targets.class_sets.learning import SetLearning
from finetrail.targets.class_sets.settings import SetTraining

LABELS = ("a", "b", "c")


def fitted(rows: int = 4000) -> tuple[SetCodec, np.ndarray, np.ndarray]:
    """A codec fitted on half of simulated rows, with the logits and the sets of the others."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(rows, 3)) * 2 - 1
    actual = rng.random(truth.shape) < probabilities(truth)
    logits = (truth * [3, 0.5, 1] + [0, 1, -1]).astype(np.float32)
    labels = [[LABELS[k] for k in np.flatnonzero(row)] for row in actual]
    half = rows // 2
    learning = CLASS_SETS.learn(labels[:half], SetTraining()).fitted(logits[:half], None, labels[:half])  # type: ignore[arg-type]
    assert isinstance(learning, SetLearning)
    return learning.codec, logits[half:], actual[half:]


def test_slopes_and_shifts_make_the_scores_true() -> None:
    codec, logits, actual = fitted()
    assert codec.slopes == pytest.approx([1 / 3, 2, 1], rel=0.15)
    y_true = actual.astype(np.int64)
    for k in range(3):
        trained, served = (calibration(yes_or_no(one[:, k]), y_true[:, k]) for one in (logits, codec.scaled(logits)))
        assert served.ece < 0.03
        assert served.nll < trained.nll
        assert k == 2 or trained.ece > 0.06
    assert CLASS_SETS.codec(json.loads(json.dumps(codec.described()))) == codec


def test_the_classes_that_are_given_are_those_without_scales() -> None:
    codec, logits, _ = fitted()
    plain = SetCodec(codec.labels, codec.thresholds)
    said, before = codec.say(logits), plain.say(logits)
    assert [sorted(one) for one in said["labels"]] == [sorted(one) for one in before["labels"]]
    assert said["scores"] != before["scores"]
    assert plain == CLASS_SETS.codec({"labels": LABELS, "thresholds": codec.thresholds})


def test_the_snippet_of_an_export_has_the_thresholds_of_scaled_logits() -> None:
    codec, logits, _ = fitted()
    scope: dict[str, object] = {"logits": codec.scaled(logits[:50])}
    lines: list[list[str]] = []
    exec(codec.snippet(repr(list(LABELS))), scope | {"print": lines.append})  # noqa: S102 - our own
    assert [sorted(line) for line in lines] == [sorted(one) for one in codec.say(logits[:50])["labels"]]
