"""Each rule of the gate on answers that are made up, so that what is right is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.gate.evidence import Cost, Evidence, Perturbed
from finetrail.gate.rules import judge
from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling, Verdict, collapse
from finetrail.targets import boxes, classes, numbers
from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.reading import boxes_of
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.target import metric_named
from tests.unit.targets.boxes.images import CODEC as CELLS
from tests.unit.targets.boxes.images import drawn_images

CLASSES, NUMBERS = ClassCodec(("cooking", "sailing", "weather")).judge, NumberCodec(0.0, 1.0).judge
LABELS = CLASSES.codec.labels
ACTUAL = np.repeat(np.arange(3), 200)


def said(wrong: dict[int, int], confidence: float | None = None) -> Floats:
    """Answers of which so many of each class are wrong; as confident as they are right, unless it is given."""
    predicted = ACTUAL.copy()
    for number, count in wrong.items():
        rows = np.flatnonzero(number == ACTUAL)[:count]
        predicted[rows] = (number + 1) % 3
    confidence = confidence or float((predicted == ACTUAL).mean())
    probabilities = np.full((len(ACTUAL), 3), (1 - confidence) / 2)
    probabilities[np.arange(len(ACTUAL)), predicted] = confidence
    logits: Floats = np.log(probabilities.clip(1e-300))
    return logits


def evidence(challenger: Floats, champion: Floats | None, **rest: Any) -> Evidence:
    labels = [LABELS[number] for number in ACTUAL]
    standard: dict[str, Any] = {"slices": {}, "challenger_cost": Cost(10.0, 2.0), "models_scored": 2}
    return Evidence(
        judge=CLASSES,
        metric=classes.METRICS[-1],
        labels=labels,
        challenger=challenger,
        champion=CLASSES.constant(labels) if champion is None else champion,
        groups=[None] * len(labels),
        champion_cost=None if champion is None else Cost(10.0, 2.0),
        **(standard | rest),
    )


def rulings(found: Evidence, **settings: Any) -> dict[str, Ruling]:
    return {one.rule: one for one in judge(found, Gate(metric=found.metric.name, **settings))}


def outcomes(found: Evidence, **settings: Any) -> dict[str, str]:
    return {name: one.outcome for name, one in rulings(found, **settings).items()}


def test_a_better_challenger_passes_every_rule() -> None:
    found = rulings(evidence(said({0: 20, 1: 20, 2: 20}), said({0: 40, 1: 40, 2: 40})))
    recalls = [f"recall of {label}" for label in LABELS]
    assert list(found) == ["macro F1", "McNemar", *recalls, "calibration", "latency", "size", "test split"]
    assert {one.outcome for one in found.values()} == {"pass"}
    assert found["macro F1"].sentence.startswith("macro F1 0.900 against 0.800 for the champion; gain 0.100 (0.")
    assert found["McNemar"].sentence == "only the challenger is right on 60 rows, only the champion on 0"


def test_a_challenger_that_is_better_on_average_and_worse_in_a_class_fails_by_that_class() -> None:
    found = outcomes(evidence(said({0: 0, 1: 0, 2: 60}), said({0: 50, 1: 50, 2: 10})))
    assert found.pop("recall of weather") == "fail"
    assert set(found.values()) == {"pass"}


def test_a_challenger_that_is_worse_for_certain_fails_mcnemar_and_the_metric() -> None:
    found = rulings(evidence(said({0: 60, 1: 60}), said({0: 30, 1: 30})), class_margin=0.5)
    assert [name for name, one in found.items() if one.outcome == "fail"] == ["macro F1", "McNemar"]
    assert found["macro F1"].sentence.endswith("whose lower end must be above -0.020")


def test_the_margin_says_how_much_worse_is_allowed_and_none_asks_for_better() -> None:
    same = evidence(said({0: 30}), said({0: 30}))
    assert outcomes(same)["macro F1"] == "pass"
    assert outcomes(same, margin=0.0)["macro F1"] == "fail"
    worse = evidence(said({0: 30, 1: 6}), said({0: 30}))
    assert outcomes(worse, margin=0.005)["macro F1"] == "fail"
    assert outcomes(worse, margin=0.03)["macro F1"] == "pass"


def test_a_class_with_few_rows_is_not_judged_and_says_so() -> None:
    found = rulings(evidence(said({0: 90}), said({})), class_rows=201, margin=1.0)
    one = found["recall of cooking"]
    assert one.outcome == "not judged"
    assert one.sentence == "recall of cooking: 200 of the 201 rows needed to judge it"
    assert rulings(evidence(said({0: 90}), said({})), class_rows=200)["recall of cooking"].outcome == "fail"


def test_a_slice_is_judged_apart_by_its_accuracy() -> None:
    rows = ACTUAL == 0
    rows[300:350] = True
    few = np.zeros(len(ACTUAL), dtype=np.bool_)
    found = evidence(said({0: 40}), said({1: 60}), slices={"long": rows, "empty": few})
    assert (rulings(found)["slice long"].outcome, rulings(found)["slice empty"].outcome) == ("fail", "not judged")
    assert "0.840 against 1.000 for the champion on 250 rows" in rulings(found)["slice long"].sentence
    assert outcomes(found, slice_margin=0.25)["slice long"] == "pass"


def test_calibration_may_not_get_worse_by_the_margin_nor_leave_its_bound() -> None:
    found = evidence(said({0: 120}, confidence=0.8), said({0: 120}, confidence=0.99))
    assert rulings(found)["calibration"].numbers == pytest.approx({"value": 0.0, "bound": 0.29})
    turned = evidence(said({0: 120}, confidence=0.99), said({0: 120}, confidence=0.8))
    assert outcomes(turned)["calibration"] == "fail"
    assert outcomes(turned, ece_margin=0.2)["calibration"] == "pass"
    assert "calibration" not in outcomes(turned, ece_margin=None)
    assert outcomes(turned, max_ece=0.1)["calibration bound"] == "fail"
    assert outcomes(turned, max_ece=0.2)["calibration bound"] == "pass"


def test_what_a_model_costs_is_bounded_by_the_champion_and_by_budgets() -> None:
    better = (said({}), said({0: 90}))
    found = evidence(*better, challenger_cost=Cost(21.0, 4.2))
    assert [name for name, one in outcomes(found).items() if one == "fail"] == ["latency", "size"]
    assert rulings(found)["latency"].sentence == "latency 4.200 ms against 2 ms for the champion"
    allowed = outcomes(found, latency_ratio=2.2, size_ratio=None, max_size_mb=21, max_latency_ms=4.0)
    assert [name for name, one in allowed.items() if one == "fail"] == ["latency budget"]
    assert "size" not in allowed
    assert allowed["size budget"] == "pass"
    unmeasured = evidence(*better, challenger_cost=Cost(10.0))
    assert "latency" not in outcomes(unmeasured)


def test_beyond_the_limit_the_gate_asks_for_a_fresh_test_set() -> None:
    found = evidence(said({}), said({0: 90}), models_scored=21)
    one = rulings(found)["test split"]
    assert (one.outcome, one.value, one.bound) == ("fail", "21", "<= 20")
    assert one.sentence.endswith("more than 20: use a fresh test set")
    assert outcomes(found, models_per_test_split=21)["test split"] == "pass"


def test_a_first_version_has_to_beat_the_best_constant_answer() -> None:
    found = rulings(evidence(said({0: 20}), None), max_size_mb=5, max_ece=0.5)
    outcome_of = {name: one.outcome for name, one in found.items()}
    passed = dict.fromkeys(("macro F1", "calibration bound", "test split"), "pass")
    assert outcome_of == passed | {"size budget": "fail"}
    assert "for the best constant answer" in found["macro F1"].sentence
    assert outcomes(evidence(said({1: 200, 2: 200}, confidence=0.9), None))["macro F1"] == "pass"
    constant = np.eye(3)[np.zeros(len(ACTUAL), dtype=np.int64)]
    assert outcomes(evidence(constant, None))["macro F1"] == "fail"


def of_numbers(
    challenger: Floats, champion: Floats | None, actual: Floats, metric: str = "rmse", **rest: Any
) -> Evidence:
    labels = actual.tolist()
    return Evidence(
        judge=NUMBERS,
        metric=metric_named(numbers.METRICS, metric),
        labels=labels,
        challenger=challenger[:, None],
        champion=NUMBERS.constant(labels) if champion is None else champion[:, None],
        groups=[None] * len(labels),
        slices=rest.get("slices", {}),
        challenger_cost=Cost(1.0),
        champion_cost=None if champion is None else Cost(1.0),
        models_scored=1,
    )


@pytest.mark.slow
def test_numbers_are_judged_by_their_metric_whose_margin_is_a_share() -> None:
    chance = np.random.default_rng(0)
    actual = chance.normal(50, 10, 400)
    noise = chance.normal(0, 1, 400)
    found = rulings(of_numbers(actual + noise, actual + 2 * noise, actual))
    assert list(found) == ["RMSE", "size", "test split"]
    assert found["RMSE"].outcome == "pass"
    worse = of_numbers(actual + 1.05 * noise, actual + noise, actual, slices={"low": actual < 50})
    assert outcomes(worse)["RMSE"] == "fail"
    within = outcomes(worse, margin=0.06, slice_margin=0.06)
    assert within == dict.fromkeys(("RMSE", "slice low", "size", "test split"), "pass")
    assert outcomes(worse, slice_margin=0.04)["slice low"] == "fail"
    assert outcomes(worse, slice_rows=300)["slice low"] == "not judged"
    first = of_numbers(actual + noise, None, actual, "r2")
    assert outcomes(first) == {"R²": "pass", "test split": "pass"}


def test_a_verdict_says_what_failed_and_what_was_not_judged() -> None:
    rules = (
        Ruling("macro F1", "fail", "macro F1 is worse", "-0.1", "> -0.02"),
        Ruling("recall of a", "not judged", "recall of a: 3 of the 100 rows needed to judge it"),
        Ruling("recall of b", "not judged", "recall of b: 4 of the 100 rows needed to judge it"),
        Ruling("size", "pass", "small enough", "1 x", "<= 2 x"),
    )
    verdict = Verdict("toy", 3, 2, "ab", 60, 1, rules)
    assert not verdict.passed
    assert verdict.reason == (
        "version 3 against version 2 on 60 test rows: fails 1 of 2 rules, 2 not judged: macro F1 is worse"
    )
    assert verdict.summary(2) == [["macro F1", "fail", "-0.1", "> -0.02"], ["size", "pass", "1 x", "<= 2 x"]]
    assert [one.rule for one in collapse(rules, "recall of ")] == ["macro F1", "recall of ... (2)", "size"]
    assert collapse(rules[:2], "recall of ") == list(rules[:2])
    passed = replace(verdict, rulings=rules[3:], champion=None)
    assert passed.reason == "version 3 against the best constant answer on 60 test rows: passes 1 of 1 rule"
    assert passed.as_json()["passed"] is True


def perturbed(challenger: list[Floats], champion: list[Floats]) -> Perturbed:
    labels = [LABELS[number] for number in ACTUAL]
    return Perturbed("typos 1, typos 5", labels, [None] * len(labels), challenger, champion)


def test_the_mean_drop_on_perturbed_rows_has_a_bound() -> None:
    answers = [said({}), said({0: 60, 1: 60, 2: 60}), said({0: 100, 1: 100, 2: 100})]
    found = evidence(said({}), None, perturbed=perturbed(answers, []))
    drop = rulings(found, max_drop=0.5)["robustness"]
    assert drop.outcome == "pass"
    assert drop.numbers is not None
    assert drop.numbers["value"] == pytest.approx((0.3 + 0.5) / 2)
    assert drop.numbers["low"] < 0.4 < drop.numbers["high"]
    assert rulings(found, max_drop=0.39)["robustness"].outcome == "fail"
    assert drop.sentence.startswith("macro F1 drops by 0.400 (0.")
    assert drop.sentence.endswith("on 600 validation rows under typos 1, typos 5, where 0.500 is allowed")
    assert "perturbed rows" not in rulings(found, max_drop=0.5, perturbed_margin=0.01), "there is no champion"
    assert "robustness" not in rulings(found), "nobody asked"


def test_a_challenger_that_is_worse_on_the_same_perturbed_rows_fails() -> None:
    same = said({0: 20, 1: 20, 2: 20})
    worse, champion = [same, said({0: 60, 1: 60, 2: 60})], [same, said({0: 30, 1: 30, 2: 30})]
    found = rulings(evidence(same, same, perturbed=perturbed(worse, champion)), perturbed_margin=0.05)
    assert found["perturbed rows"].outcome == "fail"
    assert found["perturbed rows"].numbers is not None
    assert found["perturbed rows"].numbers["value"] == pytest.approx(-0.15)
    assert found["macro F1"].outcome == "pass", "as they are the rows show nothing"
    equal = evidence(same, same, perturbed=perturbed(worse, worse))
    assert rulings(equal, perturbed_margin=0.0)["perturbed rows"].outcome == "fail", "0 asks for better"
    assert rulings(equal, perturbed_margin=0.01)["perturbed rows"].outcome == "pass"
    assert (
        rulings(evidence(same, same, perturbed=perturbed(champion, worse)), perturbed_margin=0.0)[
            "perturbed rows"
        ].outcome
        == "pass"
    )


def test_where_lower_is_better_a_margin_is_a_share_of_the_champion() -> None:
    labels = np.arange(100.0)
    answers = [(labels + error)[:, None] for error in (1.0, 1.5)]
    theirs = [(labels + error)[:, None] for error in (1.0, 1.0)]
    found = Evidence(
        judge=NUMBERS,
        metric=metric_named(numbers.METRICS, "rmse"),
        labels=labels.tolist(),
        challenger=answers[0],
        champion=theirs[0],
        groups=[None] * 100,
        slices={},
        challenger_cost=Cost(1.0),
        champion_cost=Cost(1.0),
        models_scored=1,
        perturbed=Perturbed("typos 1", labels.tolist(), [None] * 100, answers, theirs),
    )
    assert rulings(found, max_drop=0.5)["robustness"].outcome == "pass", "a half of a clean RMSE of 1"
    assert rulings(found, max_drop=0.4)["robustness"].outcome == "fail"
    assert rulings(found, perturbed_margin=0.6)["perturbed rows"].outcome == "pass"
    assert rulings(found, perturbed_margin=0.4)["perturbed rows"].outcome == "fail"


@pytest.mark.slow
def test_a_detector_that_got_worse_in_one_class_fails_by_that_class() -> None:
    labels, _ = drawn_images(4, 90, crowds=0)
    right = [
        Detections(
            np.array([box[1:5] for box in boxes_of(label)], dtype=np.float32).reshape(-1, 4),
            np.array([CELLS.classes.index(box["label"]) for box in label], dtype=np.int64),
            np.full(len(label), 0.9, dtype=np.float32),
            (300, 300),
        )
        for label in labels
    ]
    chance, dust = np.random.default_rng(0), CELLS.classes.index("dust")
    # Each box of one class is lost with a probability of 0.3.
    worse = [one.where((one.classes != dust) | (chance.random(len(one)) > 0.3)) for one in right]
    found = Evidence(
        judge=CELLS.judge,
        metric=boxes.METRICS[-1],
        labels=labels,
        challenger=CELLS.answered(worse),
        champion=CELLS.answered(right),
        groups=[None] * len(labels),
        slices={},
        challenger_cost=Cost(10.0),
        champion_cost=Cost(10.0),
        models_scored=2,
    )
    said = rulings(found, margin=0.5, class_rows=50)
    assert [name for name, one in said.items() if one.outcome == "fail"] == ["F1 of dust in an image"]
    assert "for the champion on" in said["F1 of dust in an image"].sentence
    assert {one.outcome for one in judge(replace(found, challenger=found.champion), Gate(metric="map"))} <= {
        "pass",
        "not judged",
    }
