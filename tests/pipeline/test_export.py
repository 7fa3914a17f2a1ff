"""`finetrail export` of the registered model: its card tells of scores and lineage, and its code answers alike."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from finetrail.data.shown import for_markdown
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.pipeline.workspaces import Sandbox, contents
from tests.unit.exports.folders import answer_without_finetrail
from tests.whole import read_whole

EXPORT = "sentence-transformers"


@pytest.fixture(scope="module")
def exported(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports") / "toy"
    done = finished.finetrail("export", str(folder))
    assert done.code == 0, done.err
    said, compared = done.out.splitlines()
    assert said == (
        "exported models:/toy/1, the version of this workspace, for sentence-transformers: "
        f"{folder}; its README.md shows how to load it"
    )
    assert re.fullmatch(r"macro F1 on \d+ validation rows: trained (0\.\d+), sentence-transformers \1", compared)
    return folder


def test_the_cards_code_answers_as_the_pipeline_did_on_the_test_split(finished: Sandbox, exported: Path) -> None:
    texts = read_whole(finished.paths.split("test"))["text"].tolist()
    answer_without_finetrail([exported], {"texts": texts, "pairs": []})
    logits = np.stack(pd.read_parquet(finished.paths.test_report / "predictions.parquet")["logits"].tolist())
    answered, printed = np.load(exported / "logits.npy"), (exported / "printed.txt").read_text(encoding="utf-8")
    for name in ("logits.npy", "printed.txt"):
        (exported / name).unlink()
    chosen = read_json(finished.paths.selection_report)["chosen"]
    temperature = read_json(finished.paths.model(chosen) / "model.json")["target"]["temperature"]
    assert temperature != 1
    np.testing.assert_allclose(answered, logits / temperature, atol=1e-4)
    labels = read_json(finished.paths.split_report)["labels"]
    assert json.loads(printed.replace("'", '"')) == [labels[number] for number in logits.argmax(1)]


def test_the_card_tells_scores_data_and_lineage(finished: Sandbox, exported: Path) -> None:
    card = (exported / "README.md").read_text(encoding="utf-8")
    _, head, body = card.split("---\n", 2)
    described = YAML(typ="safe").load(head)
    tested = read_json(finished.paths.test_details)
    assert described["library_name"] == "sentence-transformers"
    assert "pipeline_tag" not in described
    assert described["metrics"] == ["accuracy", "macro_precision", "macro_recall", "macro_f1"]
    (result,) = described["model-index"][0]["results"]
    assert {one["type"]: one["value"] for one in result["metrics"]} == pytest.approx(
        {name: value for name, value in tested["test"].items() if name != "loss"}, rel=1e-5
    )
    interval = tested["intervals"]["macro_f1"]
    assert f"| macro F1 | {tested['test']['macro_f1']:.4f} | {interval['low']:.4f} to {interval['high']:.4f} |" in body
    for label, one in tested["per_class"].items():
        assert (
            f"| {label} | {one['precision']:.3f} | {one['recall']:.3f} | {one['f1']:.3f} | {one['support']} |" in body
        )
    chosen = read_json(finished.paths.selection_report)
    record = read_json(finished.paths.run(chosen["chosen"]).record)
    for name, digest in ((data["name"], data["digest"]) for data in record["datasets"]):
        assert f"| {name} | {len(read_whole(finished.paths.split(name)))} | `{digest}` |" in body
    assert for_markdown(chosen["reason"].replace("`", "")) in body
    assert f"| version | `toy {read_json(finished.paths.registration)['version']}` |" in body
    assert f"| MLflow run | `{record['run_id']}` |" in body
    assert f"| model sha256 | `{read_json(finished.paths.registration)['fingerprint']}` |" in body
    assert f"{tested['calibration']['ece']:.3f} on average (expected calibration error on test)" in body
    split = read_json(finished.paths.split_report)["sha256"]["test"]
    assert f"The rows have the sha256 `{split}`. Models scored on them so far: 1." in body
    same = re.search(r"## The same number everywhere\n\n- (.*)\.\n- (.*)\.\n", body)
    assert same
    value, rows = f"{chosen['ranking'][0]['value']:.3f}", len(read_whole(finished.paths.split("val")))
    for line, places in ((same[1], ("trained", "reloaded", "registered", "served")), (same[2], ("trained", EXPORT))):
        assert line == f"macro F1 on {rows} validation rows: " + ", ".join(f"{place} {value}" for place in places)
    assert "It reads the first 32 tokens of a text." in body
    assert str(finished.root) not in card
    assert {path.stat().st_mode & 0o777 for path in exported.rglob("*") if path.is_file()} == {0o644}


def test_an_export_is_replaced_only_by_force_and_nothing_else_is(
    finished: Sandbox, exported: Path, tmp_path: Path
) -> None:
    before = contents(exported)
    done = finished.finetrail("export", str(exported))
    assert (done.code, done.error) == (
        2,
        f"ConfigError: {exported} already exists; name another folder, or pass --force to replace an earlier export",
    )
    assert finished.finetrail("export", str(exported), "--force").code == 0
    assert contents(exported) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("my own")
    assert finished.finetrail("export", str(tmp_path / "mine"), "--force").code == 2
    assert contents(tmp_path / "mine").keys() == {"README.md"}
    assert finished.finetrail("export", str(tmp_path / "mine" / "README.md"), "--force").code == 2


def test_a_model_that_is_none_leaves_nothing(finished: Sandbox, tmp_path: Path) -> None:
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", str(tmp_path))
    assert done.code == 4
    assert done.error.startswith(f"ModelError: {tmp_path} holds no model.json, so it is not a finetrail model; name")
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", "models:/toy@nonesuch")
    assert (done.code, done.error) == (9, "RefusedError: 'toy' has no version 'nonesuch'; it has 1, challenger")
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", "toy")
    assert (done.code, done.error) == (9, "RefusedError: 'toy' has no version 'toy'; it has 1, challenger")
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", "models:/toy")
    assert (done.code, done.error.split(";")[0]) == (2, "ConfigError: 'models:/toy' is not a model address")
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", "data/models/nobody")
    assert (done.code, done.error.split(";")[0]) == (2, "ConfigError: data/models/nobody is no folder")
    assert list(tmp_path.iterdir()) == []


def test_another_format_may_be_asked_for(finished: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That what is written then answers alike, tests/unit/exports proves; here its libraries are missing."""
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    done = finished.finetrail("export", str(tmp_path / "out"), "--format", "onnx")
    assert done.code == 2
    assert done.error.startswith("ConfigError: --format onnx needs onnxscript, which is not installed; install ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_train_is_exported_without_scores(finished: Sandbox, tmp_path: Path) -> None:
    model = finished.paths.model("lora")
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", str(model))
    assert done.code == 0, done.err
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "No test scores are known for this model" in card
    assert re.search(r"- macro F1 on \d+ validation rows: trained (0\.\d+), sentence-transformers \1\.\n", card), "lora"
    assert "## Lineage" not in card
    assert str(finished.root) not in card


def test_a_registered_version_is_copied_as_it_is_for_a_teacher(finished: Sandbox, tmp_path: Path) -> None:
    asked = ("--model", "models:/toy@challenger", "--format", "finetrail")
    done = finished.finetrail("export", str(tmp_path / "out"), *asked)
    assert done.code == 0, done.err
    chosen = read_json(finished.paths.selection_report)["chosen"]
    assert hash_folder(tmp_path / "out") == hash_folder(finished.paths.model(chosen))


def test_a_folder_of_mlflows_is_the_same_model(finished: Sandbox, exported: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    client = MlflowClient(tracking_uri(finished.paths))
    version = client.get_model_version_by_alias("toy", "challenger")
    logged = client.get_logged_model(version.source.removeprefix("models:/"))
    folder = download_artifacts(logged.artifact_location)
    done = finished.finetrail("export", str(tmp_path / "out"), "--model", folder)
    assert done.code == 0, done.err
    assert contents(tmp_path / "out", "README.md") == contents(exported, "README.md")
