"""Any folder of an assessment is shown, whatever is in it, and the ledger vouches for it once."""

from pathlib import Path

from finetrail.registry.assessments import About, latest, numbers_of, publish, written
from finetrail.registry.ledger import Ledger
from finetrail.runs.tracking import Tracker
from finetrail.workspace import write_json

MODEL = "a" * 64


def folder_of(root: Path, name: str, value: float, model: str = MODEL) -> tuple[About, Path]:
    folder = root / name
    write_json(folder / "about.json", About(name, "full", model, f"{name} is {value}").as_json())
    write_json(folder / f"{name}.json", {"value": value, "rows": 3, "title": "x", "deep": {"value": 1.0}, "so": True})
    (folder / "report.html").write_text("<p>", encoding="utf-8")
    return About(name, "full", model, f"{name} is {value}"), folder


def test_those_of_the_model_are_found_and_no_others(tmp_path: Path) -> None:
    one, other = folder_of(tmp_path, "stability", 0.5), folder_of(tmp_path, "labels", 0.1)
    folder_of(tmp_path, "robustness", 0.1, "b" * 64)
    (tmp_path / "half.partial").mkdir()
    assert list(written(tmp_path, MODEL)) == [other, one]
    assert list(written(tmp_path / "absent", MODEL)) == []


def test_one_without_answers_is_shown_by_its_numbers_and_entered_once(tracker: Tracker, tmp_path: Path) -> None:
    ledger = Ledger(tracker, f"toy-{tmp_path.name}", "Ada")
    run_id = tracker.start("full", {}, {}, [])
    about, folder = folder_of(tmp_path, "stability", 0.5)
    for _ in range(2):
        publish(ledger, run_id, about, folder)
    run = tracker.client.get_run(run_id)
    assert run.data.metrics == {"assess_stability_value": 0.5, "assess_stability_rows": 3.0}
    assert run.data.tags["finetrail.assess.stability"] == "stability is 0.5"
    assert len(tracker.client.get_metric_history(run_id, "assess_stability_value")) == 1
    files = {file.path for file in tracker.client.list_artifacts(run_id, "assess/stability")}
    assert files == {f"assess/stability/{name}" for name in ("about.json", "report.html", "stability.json")}
    chain = ledger.read()
    assert [entry.kind for entry in chain.entries] == ["assessment"]
    entry = latest(chain, MODEL, "stability")
    assert entry is not None
    assert entry.metrics == {"value": 0.5, "rows": 3.0}
    assert latest(chain, MODEL, "labels") is None
    publish(ledger, run_id, *folder_of(tmp_path, "stability", 0.75))
    assert len(ledger.read().entries) == 2, "other numbers are another assessment"


def test_the_main_numbers_are_those_at_the_top() -> None:
    assert numbers_of({"a": 1, "b": 0.5, "c": True, "d": None, "e": "x", "f": [1], "g": {"h": 2}}) == {"a": 1, "b": 0.5}
