"""Versions in MLflow's registry: one a content, self-contained, and answering as the model on disk does."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from finetrail.registry.ledger import Ledger
from finetrail.registry.packing import Packing, Version, register
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer import answer
from finetrail.tasks.registry import get_task, load_model
from finetrail.workspace import read_json
from tests.unit.recorded import packing_of

TEXTS = ["good superb door", "awful", ":-)", "the river by the house " * 20]
Registered = tuple[Version, str]


def versions(tracker: Tracker, name: str) -> list[int]:
    return sorted(int(one.version) for one in tracker.client.search_model_versions(f"name = '{name}'"))


def put(tracker: Tracker, run_id: str, model: Path, name: str = "shared", **tags: str) -> Version:
    return register(Ledger(tracker, name, "Ada"), run_id, model=model, packing=packing_of(model), tags=tags)


def test_a_version_has_its_fingerprint_its_run_and_the_alias(
    tracker: Tracker, registered: Registered, saved_model: Path
) -> None:
    version, run_id = registered
    assert version == Version("shared", 1, hash_folder(saved_model), new=True)
    found = tracker.client.get_model_version_by_alias("shared", "challenger")
    assert (int(found.version), found.run_id) == (1, run_id)
    assert found.tags["finetrail.fingerprint"] == version.fingerprint
    assert found.tags["finetrail.why"] == "full leads"
    assert tracker.client.get_run(run_id).info.status == "FINISHED"  # closed again


def test_the_same_content_is_found_again(tracker: Tracker, registered: Registered, saved_model: Path) -> None:
    version, run_id = registered
    again = put(tracker, run_id, saved_model, **{"finetrail.why": "still leads"})
    assert again == Version("shared", version.version, version.fingerprint, new=False)
    assert versions(tracker, "shared") == [1]
    assert tracker.client.get_model_version("shared", "1").tags["finetrail.why"] == "still leads"


def test_other_content_is_another_version_that_takes_the_alias_and_the_first_can_have_it_back(
    tracker: Tracker, saved_model: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(saved_model, tmp_path / "other"))
    (other / "model.json").write_text((other / "model.json").read_text().replace('"good"', '"fine"'))
    run_id = tracker.start("full", {}, {}, [])
    tracker.end(run_id)
    found = []
    for model in (saved_model, other, saved_model):
        put(tracker, run_id, model, name="two")
        found.append(int(tracker.client.get_model_version_by_alias("two", "challenger").version))
    assert found == [1, 2, 1]
    assert versions(tracker, "two") == [1, 2]


def test_a_run_id_in_the_environment_does_not_take_the_model(
    tracker: Tracker, saved_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = tracker.start("full", {}, {}, [])
    tracker.end(run_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", "1" * 32)
    put(tracker, run_id, saved_model, name="env")
    assert tracker.client.get_model_version("env", "1").run_id == run_id
    assert os.environ["MLFLOW_RUN_ID"] == "1" * 32


@pytest.mark.usefixtures("tracker")
def test_the_registered_model_answers_as_the_one_on_disk(registered: Registered, saved_model: Path) -> None:
    import mlflow

    loaded = mlflow.pyfunc.load_model(f"models:/shared/{registered[0].version}")
    found = loaded.predict(pd.DataFrame({"text": TEXTS}))
    expected = answer(load_model(saved_model), TEXTS)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    signature = loaded.metadata.signature
    assert [column.name for column in signature.inputs] == ["text"]
    assert [column.name for column in signature.outputs] == ["label", "score"]


def test_what_is_registered_is_self_contained_and_holds_no_pickle(
    tracker: Tracker, registered: Registered, saved_model: Path, tmp_path: Path
) -> None:
    import mlflow

    found = tracker.client.get_model_version("shared", str(registered[0].version))
    folder = Path(mlflow.artifacts.download_artifacts(found.source, dst_path=str(tmp_path)))
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".bin", ".pt", ".pth"}
    assert next(folder.rglob("served.py"))
    inside = next(folder.rglob("model.safetensors")).parent
    assert hash_folder(inside) == hash_folder(saved_model)
    requirements = (folder / "requirements.txt").read_text().split()
    assert {one.split("==")[0] for one in requirements} >= {"torch", "transformers", "safetensors", "pandas"}
    assert all("==" in one and "+" not in one for one in requirements)


def test_answers_that_are_lists_and_structs_are_in_the_signature(tracker: Tracker, saved_model: Path) -> None:
    import mlflow

    run_id = tracker.start("full", {}, {}, [])
    tracker.end(run_id)
    answers = {"labels": "list[string]", "scores": "list[double]", "spans": "list[{label: string, start: long}]"}
    packing = Packing({"text": "good", "title": "fine"}, answers, ["pillow"])
    register(Ledger(tracker, "lists", "Ada"), run_id, model=saved_model, packing=packing, tags={})
    signature = mlflow.models.get_model_info("models:/lists/1").signature
    assert [(one["name"], one["type"]) for one in signature.inputs.to_dict()] == [
        ("text", "string"),
        ("title", "string"),
    ]
    outputs = {one["name"]: one for one in signature.outputs.to_dict()}
    assert {one["type"] for one in outputs.values()} == {"array"}
    assert outputs["labels"]["items"] == {"type": "string"}
    assert outputs["scores"]["items"] == {"type": "double"}
    properties = outputs["spans"]["items"]["properties"]
    assert {name: one["type"] for name, one in properties.items()} == {"label": "string", "start": "long"}


def test_callers_send_what_the_content_says_and_some_of_it_they_may_leave_out(
    tracker: Tracker, saved_model: Path, tmp_path: Path
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.models.utils import _enforce_schema

    run_id = tracker.start("full", {}, {}, [])
    tracker.end(run_id)
    task = get_task("text-generation")
    packing = Packing({"messages": task.example}, {"text": "string"}, sent=task.content.sent)
    register(Ledger(tracker, "chat", "Ada"), run_id, model=saved_model, packing=packing, tags={})
    info = mlflow.models.get_model_info("models:/chat/1")
    for sent in ({"messages": task.example}, {"prompt": "Hello"}, {"prompt": "Hello", "system": "Be brief."}):
        assert _enforce_schema(pd.DataFrame([sent]), info.signature.inputs).to_dict("records") == [sent]
    with pytest.raises(MlflowException, match="Missing required properties"):
        _enforce_schema(pd.DataFrame([{"messages": [{"role": "user"}]}]), info.signature.inputs)
    source = tracker.client.get_model_version("chat", "1").source
    stored = Path(mlflow.artifacts.download_artifacts(source, dst_path=str(tmp_path))) / "input_example.json"
    assert read_json(stored) == {"columns": ["messages"], "data": [[task.example]]}
