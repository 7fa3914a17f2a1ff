"""Stage `select` on real files."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.errors import ConfigError, ModelError, WorkspaceError
from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.evaluation.selection import Selection
from finetrail.runs.study import write_study
from finetrail.stages.select import Selected, select
from finetrail.studies.page import page
from finetrail.studies.words import found_by
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.metrics import scores
from finetrail.targets.numbers import NUMBERS
from finetrail.workspace import Workspace, read_json, write_json
from tests.unit.studies.searches import F1, searched

LABELS = ["cat", "dog", "owl"]
ROWS = 300


def classes(workspace: Workspace, names: Sequence[str]) -> Selected:
    return select(workspace, CLASSES, Selection(metric="macro_f1", resamples=200), names)


def numbers(workspace: Workspace, names: Sequence[str], metric: str = "rmse") -> Selected:
    return select(workspace, NUMBERS, Selection(metric=metric, resamples=200), names)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _answers(right: float, seed: int) -> tuple[Ints, Ints]:
    """Return the actual classes and answers of which exactly the share `right` is right; the seed says which."""
    y_true = np.random.default_rng(7).integers(0, 3, ROWS)
    chosen = np.random.default_rng(seed).permutation(ROWS) < right * ROWS
    return y_true, np.where(chosen, y_true, (y_true + 1) % 3)


def _train(
    workspace: Workspace,
    candidate: str,
    *,
    right: float = 0.8,
    trainable: int = 100,
    seed: int = 0,
    ids: Sequence[str] | None = None,
    labels: Sequence[str] = LABELS,
    spoil: float | None = None,
) -> None:
    """Leave what `train` leaves about a candidate."""
    y_true, y_pred = _answers(right, seed)
    logits = np.eye(3, dtype=np.float32)[y_pred]
    if spoil is not None:
        logits[5, 1] = spoil
    paths = workspace.run(candidate)
    paths.root.mkdir(parents=True)
    table = {
        "id": pa.array(ids or [f"row{row}" for row in range(ROWS)]),
        "label": pa.array([LABELS[k] for k in y_true]),
        "logits": pa.array(logits.tolist(), type=pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(table), paths.predictions)
    metrics = {"parameters": {"trainable": trainable, "total": 1000}, "target": {"labels": list(labels)}, "val": {}}
    paths.details.write_text(json.dumps(metrics), encoding="utf-8")


def test_the_reason_says_how_much_of_a_searched_candidates_value_may_be_luck(workspace: Workspace) -> None:
    _train(workspace, "lora", right=0.9)
    _train(workspace, "probe", right=0.4)
    alone = classes(workspace, ["lora", "probe"]).choice.reason
    study = searched(30)
    write_study(study, workspace.run("lora").study_record)
    write_study(searched(2), workspace.run("probe").study_record)  # it is not chosen
    chosen = classes(workspace, ["lora", "probe"]).choice
    assert chosen.reason == f"{alone} {found_by('lora', study, F1)}"
    assert read_json(workspace.selection_report)["reason"] == chosen.reason
    assert (workspace.selection / "studies" / "lora.html").read_text(encoding="utf-8") == page("lora", study, F1)
    assert (workspace.selection / "studies" / "probe.html").exists()


def test_chooses_the_cheapest_of_the_tied_and_says_why(workspace: Workspace) -> None:
    _train(workspace, "full", right=0.82, trainable=1000)
    _train(workspace, "lora", right=0.81, trainable=50, seed=1)
    _train(workspace, "probe", right=0.4, trainable=5)
    selected = classes(workspace, ["full", "lora", "probe"])
    assert (selected.choice.chosen, selected.rows) == ("lora", ROWS)
    written = json.loads(workspace.selection_report.read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(selected.choice.as_json()))
    assert [one["tied"] for one in written["ranking"]] == [True, True, False]
    with (workspace.selection / "ranking.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["candidate"] for line in lines] == ["full", "lora", "probe"]
    assert float(lines[2]["value"]) == written["ranking"][2]["value"]
    assert sorted(path.name for path in workspace.selection.iterdir()) == ["ranking.csv", "selection.json"]


def test_the_value_is_the_metric_of_the_predictions(workspace: Workspace) -> None:
    _train(workspace, "only", right=0.7)
    y_true, y_pred = _answers(0.7, seed=0)
    winner = classes(workspace, ["only"]).choice.winner
    assert winner.value == scores(y_true, y_pred, 3)["macro_f1"]
    assert winner.low < winner.value < winner.high


def test_equal_bytes_whatever_the_order_of_names_and_what_else_lies_there(workspace: Workspace) -> None:
    _train(workspace, "a", right=0.8, seed=1)
    _train(workspace, "b", right=0.7, seed=2)
    classes(workspace, ["a", "b"])
    first = {path.name: path.read_bytes() for path in workspace.selection.iterdir()}
    _train(workspace, "stale", right=1.0)
    classes(workspace, ["b", "a"])
    assert {path.name: path.read_bytes() for path in workspace.selection.iterdir()} == first
    assert not workspace.run("stale").root.exists()


def test_identical_candidates_tie_and_the_name_decides(workspace: Workspace) -> None:
    _train(workspace, "second")
    _train(workspace, "first")
    choice = classes(workspace, ["second", "first"]).choice
    assert choice.chosen == "first"
    assert all((one.difference, one.difference_low, one.difference_high) == (0.0, 0.0, 0.0) for one in choice.ranking)


def test_other_rows_are_refused_and_the_earlier_choice_stays(workspace: Workspace) -> None:
    _train(workspace, "a")
    classes(workspace, ["a"])
    before = workspace.selection_report.read_bytes()
    _train(workspace, "b", ids=[f"row{row}" for row in range(ROWS - 1)] + ["other"])
    with pytest.raises(
        WorkspaceError, match=r"row 300 of candidates 'a' and 'b' is 'row299' .* and 'other' .*dvc repro"
    ):
        classes(workspace, ["a", "b"])
    assert workspace.selection_report.read_bytes() == before


def test_other_labels_are_refused(workspace: Workspace) -> None:
    _train(workspace, "a")
    _train(workspace, "b", labels=["owl", "dog", "cat"])
    with pytest.raises(WorkspaceError, match=r"'a' and 'b' have different labels .*row by row.*dvc repro"):
        classes(workspace, ["a", "b"])


def test_a_label_that_the_model_does_not_know_is_refused(workspace: Workspace) -> None:
    _train(workspace, "a", labels=["cat", "dog", "emu"])
    with pytest.raises(WorkspaceError, match=r"holds the label 'owl', which is none of the 3 .*dvc repro"):
        classes(workspace, ["a"])


def test_logits_that_do_not_fit_the_labels_are_refused(workspace: Workspace) -> None:
    _train(workspace, "a", labels=["cat", "dog"])
    with pytest.raises(WorkspaceError, match=r"details\.json \(it has 3 logits a row for 2 labels\): run `dvc repro`"):
        classes(workspace, ["a"])


@pytest.mark.parametrize("spoil", [float("nan"), float("inf")])
def test_a_logit_that_is_not_finite_is_refused(workspace: Workspace, spoil: float) -> None:
    _train(workspace, "a", spoil=spoil)
    with pytest.raises(ModelError, match=r"'a' answers 1 of 300 rows with NaN or infinity.*learning rate"):
        classes(workspace, ["a"])


def test_a_candidate_that_was_not_trained_is_refused(workspace: Workspace) -> None:
    _train(workspace, "a")
    with pytest.raises(WorkspaceError, match=r"runs/b/details.json does not exist: it is written by `train`"):
        classes(workspace, ["a", "b"])


def test_no_candidate_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"`candidates` is empty.*params.yaml"):
        classes(workspace, [])


def _train_numbers(
    workspace: Workspace, candidate: str, noise: float, trainable: int, spoil: float | None = None
) -> float:
    """Leave what `train` leaves about a regression; returns its root of the mean squared error."""
    actual = np.random.default_rng(7).normal(size=ROWS).round(3) * 100
    said = (actual + np.random.default_rng(trainable).normal(size=ROWS) * noise).astype(np.float32)
    if spoil is not None:
        said[5] = spoil
    paths = workspace.run(candidate)
    paths.root.mkdir(parents=True)
    table = {"id": [f"row{row}" for row in range(ROWS)], "label": actual, "prediction": pa.array(said)}
    pq.write_table(pa.table(table), paths.predictions)
    metrics = {"parameters": {"trainable": trainable, "total": 1000}, "target": {"mean": 0, "std": 1}, "val": {}}
    paths.details.write_text(json.dumps(metrics), encoding="utf-8")
    return float(np.sqrt(((said - actual) ** 2).mean()))


def test_of_numbers_the_lowest_error_leads_and_the_cheapest_of_the_tied_is_chosen(workspace: Workspace) -> None:
    errors = {
        name: _train_numbers(workspace, name, noise, trainable)
        for name, noise, trainable in (("full", 20.0, 900), ("lora", 20.2, 50), ("probe", 60.0, 5))
    }
    for metric in ("rmse", "mae", "spearman"):
        choice = numbers(workspace, list(errors), metric).choice
        assert choice.chosen == "lora"
        assert choice.ranking[2].candidate == "probe"
        assert [one.tied for one in choice.ranking] == [True, True, False]
        assert choice.ranking[2].difference > choice.ranking[2].difference_low > 0, "behind is above 0, whatever it is"
    choice = numbers(workspace, list(errors)).choice
    assert {one.candidate: one.value for one in choice.ranking} == pytest.approx(errors, rel=1e-6)
    assert "has the lowest validation RMSE" in choice.reason


def test_a_number_that_is_not_finite_is_refused(workspace: Workspace) -> None:
    _train_numbers(workspace, "a", 1.0, 10, spoil=float("nan"))
    with pytest.raises(ModelError, match=r"'a' answers 1 of 300 rows with NaN or infinity, but every answer"):
        numbers(workspace, ["a"])


def test_results_of_another_task_are_refused(workspace: Workspace) -> None:
    _train_numbers(workspace, "a", 1.0, 10)
    with pytest.raises(
        WorkspaceError, match=r"predictions\.parquet does not belong to this task, .* \('labels'\): run `dvc repro`"
    ):
        classes(workspace, ["a"])
    _train(workspace, "b")
    with pytest.raises(
        WorkspaceError, match=r"predictions\.parquet does not belong to this task, .* \('mean'\): run `dvc repro`"
    ):
        numbers(workspace, ["b"])


def _train_again(workspace: Workspace, candidate: str, shares: Sequence[float]) -> None:
    """Leave what `train` leaves of further seeds, of each the share of right answers."""
    paths = workspace.run(candidate)
    metrics = json.loads(paths.details.read_text(encoding="utf-8"))
    seeds, parts = [], []
    for seed, right in enumerate(shares, start=1):
        y_true, y_pred = _answers(right, seed)
        logits = pa.array(np.eye(3, dtype=np.float32)[y_pred].tolist(), type=pa.list_(pa.float32()))
        ids, labels = [f"row{row}" for row in range(ROWS)], [LABELS[k] for k in y_true]
        parts.append(pa.table({"seed": [seed] * ROWS, "id": ids, "label": labels, "logits": logits}))
        seeds.append({"seed": seed, "target": {"labels": LABELS}, "val": {}})
    pq.write_table(pa.concat_tables(parts), paths.seeds)
    paths.details.write_text(json.dumps(metrics | {"seeds": seeds}), encoding="utf-8")


def test_by_mean_and_spread_a_lucky_seed_does_not_win(workspace: Workspace) -> None:
    _train(workspace, "lucky", right=0.9, trainable=1000)
    _train(workspace, "steady", right=0.85, trainable=1000, seed=1)
    assert classes(workspace, ["lucky", "steady"]).choice.ranking[0].candidate == "lucky"
    _train_again(workspace, "lucky", [0.7, 0.6])
    _train_again(workspace, "steady", [0.85, 0.84])
    assert classes(workspace, ["lucky", "steady"]).choice.ranking[0].candidate == "lucky", "further seeds do not count"
    by = Selection(metric="accuracy", resamples=200, by="mean - 1*std")
    choice = select(workspace, CLASSES, by, ["lucky", "steady"]).choice
    first, second = choice.ranking
    assert (choice.chosen, first.seeds) == ("steady", 3)
    values = {"steady": (0.85, 0.85, 0.84), "lucky": (0.9, 0.7, 0.6)}
    for one in choice.ranking:
        assert one.value == pytest.approx(values[one.candidate][0])
        assert one.mean == pytest.approx(np.mean(values[one.candidate]))
        assert one.std == pytest.approx(np.std(values[one.candidate], ddof=1))
    criteria = {name: np.mean(of) - np.std(of, ddof=1) for name, of in values.items()}
    assert second.difference == pytest.approx(criteria["steady"] - criteria["lucky"])
    assert 0 < second.difference_low < second.difference < second.difference_high
    assert "mean minus 1 standard deviation of validation accuracy over 3 seeds" in choice.reason


def test_two_that_are_the_same_tie_by_any_criterion(workspace: Workspace) -> None:
    for name in ("second", "first"):
        _train(workspace, name)
        _train_again(workspace, name, [0.7, 0.75])
    for by in ("value", "lower_bound", "mean - 1*std"):
        settings = Selection(metric="macro_f1", resamples=200, by=by)
        choice = select(workspace, CLASSES, settings, ["second", "first"]).choice
        assert (choice.chosen, choice.by) == ("first", by)
        assert all(one.tied and one.difference == 0 for one in choice.ranking)


def test_each_candidate_is_judged_by_its_own_thresholds(workspace: Workspace) -> None:
    for name, threshold in (("a", 0.5), ("b", 0.2)):
        paths = workspace.run(name)
        paths.root.mkdir(parents=True)
        logits = pa.array([[-1.0, -1.0]] * 40, type=pa.list_(pa.float32()))  # probability 0.27
        labels = pa.array([["x", "y"]] * 40, CLASS_SETS.arrow())
        pq.write_table(
            pa.table({"id": [f"r{n}" for n in range(40)], "label": labels, "logits": logits}), paths.predictions
        )
        target = {"labels": ["x", "y"], "thresholds": [threshold] * 2}
        write_json(paths.details, {"parameters": {"trainable": 1, "total": 1}, "target": target, "val": {}})
    done = select(workspace, CLASS_SETS, Selection(metric="macro_f1", resamples=200), ["a", "b"])
    assert {one.candidate: one.value for one in done.choice.ranking} == {"b": 1.0, "a": 0.0}
