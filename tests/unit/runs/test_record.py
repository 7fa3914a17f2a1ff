"""The record of a run, and what its numbers are called in MLflow."""

from pathlib import Path

from finetrail.runs.record import RunRecord, curve_metrics, final_metrics, run_name, write_record
from finetrail.workspace import read_json
from tests.unit.recorded import METRICS, RECORD


def test_the_record_of_a_run_comes_back(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "run.json")
    assert RunRecord(**read_json(tmp_path / "run.json")) == RECORD


def test_a_run_is_named_after_its_candidate_its_rate_and_what_it_was_made_of() -> None:
    rate, fingerprint = {"train.learning_rate": "0.001"}, {"finetrail.fingerprint": "a1b2c3d4"}
    assert run_name("lora", rate, fingerprint) == "lora · lr 1e-3 · a1b2c3"
    assert run_name("lora", {}, {}) == "lora"


def test_curves_and_final_numbers_have_names_that_do_not_meet() -> None:
    curve = curve_metrics("val", {"epoch": 1, "step": 10, "loss": 0.8, "macro_f1": 0.7})
    final = final_metrics(METRICS, {"seconds": 3.5})
    assert curve == {"val/loss": 0.8, "val/macro_f1": 0.7}
    assert final == {"val_macro_f1": 0.75, "trainable_parameters": 34, "total_parameters": 5698, "seconds": 3.5}
