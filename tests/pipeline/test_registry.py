"""The registered model: self-contained, without pickles, loadable where nothing of the project is, and equal to the
pipeline's own answers."""

import json
import os
import re
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.pipeline.servers import running
from tests.pipeline.workspaces import BIN, Sandbox, contents
from tests.whole import read_whole

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Read by every Python that finds it on PYTHONPATH, before anything else: as on another machine, with no editable
# install of finetrail and no path to the repository. It notes from where finetrail is imported nevertheless.
ELSEWHERE = """
import importlib.util, os, sys
sys.path[:] = [path for path in sys.path if not os.path.isdir(os.path.join(path, "finetrail"))]
if importlib.util.find_spec("finetrail") is not None:
    os._exit(70)

def note(event, arguments):
    if event == "exec" and getattr(arguments[0], "co_filename", "").endswith("finetrail/__init__.py"):
        with open({noted!r}, "a") as file:
            file.write(arguments[0].co_filename + "\\n")

sys.addaudithook(note)
"""


@pytest.fixture(scope="module")
def client(finished: Sandbox) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri(finished.paths))


@pytest.fixture(scope="module")
def model(client: "MlflowClient") -> Path:
    """The folder of the registered model."""
    from mlflow.artifacts import download_artifacts

    version = client.get_model_version_by_alias("toy", "challenger")
    logged = client.get_logged_model(version.source.removeprefix("models:/"))
    return Path(download_artifacts(logged.artifact_location))


@pytest.fixture(scope="module")
def expected(finished: Sandbox) -> pd.DataFrame:
    """The pipeline's own answers to the test split: text, label and calibrated score, from predictions.parquet."""
    rows = read_whole(finished.paths.split("test"))
    logits = np.stack(pd.read_parquet(finished.paths.test_report / "predictions.parquet")["logits"].tolist())
    chosen = read_json(finished.paths.selection_report)["chosen"]
    temperature = read_json(finished.paths.model(chosen) / "model.json")["target"]["temperature"]
    assert temperature != 1
    exponents = np.exp((logits.astype(np.float64) - logits.max(axis=1, keepdims=True)) / temperature)
    chances = exponents / exponents.sum(axis=1, keepdims=True)
    labels = read_json(finished.paths.split_report)["labels"]
    return pd.DataFrame(
        {"text": rows["text"], "label": [labels[k] for k in logits.argmax(axis=1)], "score": chances.max(axis=1)}
    )


def test_there_is_one_version_with_the_alias_and_its_lineage(finished: Sandbox, client: "MlflowClient") -> None:
    (version,) = client.search_model_versions("name = 'toy'")
    assert client.get_model_version_by_alias("toy", "challenger").version == version.version
    written = read_json(finished.paths.registration)
    chosen = read_json(finished.paths.selection_report)
    assert (written["name"], written["version"], written["alias"]) == ("toy", int(version.version), "challenger")
    assert written["candidate"] == chosen["chosen"]
    assert version.run_id == written["run_id"] == read_json(finished.paths.run(chosen["chosen"]).record)["run_id"]
    assert version.tags["finetrail.fingerprint"] == written["fingerprint"]
    assert version.tags["finetrail.why"] == chosen["reason"]
    assert {"finetrail.data_sha256", "finetrail.split_sha256", "mlflow.source.git.commit"} <= set(version.tags)
    macro_f1 = read_json(finished.paths.test_details)["test"]["macro_f1"]
    assert version.tags["finetrail.test_macro_f1"] == f"{macro_f1:.4f}"
    assert version.description.startswith(f"{chosen['reason']}\n\nOn test, scored once: ")
    assert f"macro_f1 {macro_f1:.3f} (" in version.description


def test_the_metric_is_the_same_wherever_it_was_computed_and_the_lineage_says_so(
    finished: Sandbox, client: "MlflowClient", model: Path
) -> None:
    choice = read_json(finished.paths.selection_report)
    answered = pd.read_parquet(finished.paths.run(choice["chosen"]).predictions)
    labels = read_json(finished.paths.split_report)["labels"]
    predicted = [labels[one.argmax()] for one in answered["logits"]]
    value = f1_score(answered["label"], predicted, average="macro")
    same = ", ".join(f"{place} {value:.3f}" for place in ("trained", "reloaded", "registered", "served"))
    (version,) = client.search_model_versions("name = 'toy'")
    assert version.tags["finetrail.same_number"] == f"macro F1 on {len(answered)} validation rows: {same}"
    asked = min(64, len(pd.read_parquet(finished.paths.test_report / "predictions.parquet")))
    assert re.fullmatch(
        rf"{asked} test rows in a clean process, largest difference \d\.\de[-+]\d\d",
        version.tags["finetrail.round_trip"],
    )
    written = read_json(model / "artifacts" / "lineage.json")["tags"]
    for name in ("finetrail.same_number", "finetrail.round_trip"):
        assert written[name] == version.tags[name]
    merged = read_json(finished.paths.run("lora").details)
    assert merged["unmerged"] == {name: pytest.approx(one) for name, one in merged["val"].items() if name != "loss"}
    assert "unmerged" not in read_json(finished.paths.run("full").details)


def test_stale_answers_of_the_training_are_refused_by_the_metric_and_the_remedy_mends_it(sandbox: Sandbox) -> None:
    """As a file of another run, copied over by hand."""
    file = sandbox.paths.run(read_json(sandbox.paths.selection_report)["chosen"]).predictions
    frame = pd.read_parquet(file)
    frame["logits"] = [one[::-1] for one in frame["logits"]]
    file.unlink()
    frame.to_parquet(file)
    for stage in ("test", "register"):
        done = sandbox.finetrail(stage)
        assert done.code == 4
        error = done.err.splitlines()[-1]  # MLflow told of its packing before
        whose = {"test": "the saved model", "register": "the packed model"}[stage]
        assert re.match(
            rf"RoundTripError: macro F1 of {whose} is 0\.\d+ on \d+ validation rows, but 0\.\d+ where", error
        )
        assert error.endswith("with `dvc repro --force`")
    assert sandbox.run("dvc", "repro", "--force").code == 0
    assert sandbox.finetrail("register").out == "found again: models:/toy/1, also models:/toy@challenger\n"


def test_it_holds_safetensors_its_own_code_and_no_pickle(finished: Sandbox, model: Path) -> None:
    files = [path for path in model.rglob("*") if path.is_file()]
    assert [
        path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy")
    ] == []
    # Protocols 2 to 5 begin with this byte and the protocol's number; torch.save makes a zip archive of them.
    starts = {path: path.read_bytes()[:4] for path in files}
    assert [path for path, start in starts.items() if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"] == []
    assert [path for path, start in starts.items() if start == b"PK\x03\x04"] == []
    assert [path.name for path in model.rglob("*.safetensors")] == ["model.safetensors"]
    chosen = read_json(finished.paths.selection_report)["chosen"]
    assert contents(model / "artifacts" / chosen) == contents(finished.paths.model(chosen))
    without = ("__pycache__",)
    package = contents(finished.root / "src" / "finetrail", *without)
    copied = contents(model / "code" / "finetrail", *without)
    assert {name for name in copied if "__pycache__" not in name} == set(package)


def test_nothing_in_it_says_where_it_was_made(model: Path) -> None:
    said = (model / "MLmodel").read_text(encoding="utf-8")
    assert not re.findall(r"(?m)(?:^|[ '\"])(?:file:)?/[^ ]+", said)


def test_its_description_says_what_it_reads_and_answers(finished: Sandbox, model: Path) -> None:
    chosen = read_json(finished.paths.selection_report)["chosen"]
    described = read_json(model / "artifacts" / chosen / "model.json")
    assert (described["format"], described["task"], described["columns"]) == (2, "text-classification", ["text"])
    assert described["problem_type"] == "single_label_classification"
    assert set(described["target"]) == {"labels", "temperature"}
    assert described["target"]["labels"] == read_json(finished.paths.split_report)["labels"]
    assert described["target"] == read_json(finished.paths.run(chosen).details)["target"]


def test_it_has_a_signature_an_example_and_pinned_requirements(model: Path) -> None:
    from mlflow.models import Model

    described = Model.load(str(model))
    assert described.signature is not None
    assert described.signature.inputs.input_names() == ["text"]
    assert described.signature.outputs.input_names() == ["label", "score", "probabilities"]
    assert described.saved_input_example_info is not None
    requirements = (model / "requirements.txt").read_text(encoding="utf-8").split()
    assert all("==" in requirement for requirement in requirements)
    assert "finetrail" not in "".join(requirements)


def test_mlflow_serves_it_where_finetrail_is_not_and_it_answers_as_the_pipeline(
    finished: Sandbox, expected: pd.DataFrame, model: Path, tmp_path: Path
) -> None:
    """Clean, offline processes: those of MLflow's server."""
    noted = tmp_path / "imported"
    (tmp_path / "sitecustomize.py").write_text(ELSEWHERE.format(noted=str(noted)), encoding="utf-8")
    command = "mlflow models serve -m models:/toy@challenger --env-manager local -h 127.0.0.1 -p {port} -w 1"
    environment = {
        **{key: value for key, value in os.environ.items() if key != "FINETRAIL_CACHE"},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_TRACKING_URI": tracking_uri(finished.paths),
    }
    with running(command, "/ping", folder=tmp_path, log=tmp_path / "log", environment=environment) as address:
        body = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in expected["text"]]}}
        request = urllib.request.Request(
            f"{address}/invocations",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)["predictions"]
    assert {Path(path) for path in noted.read_text().splitlines()} == {model / "code" / "finetrail" / "__init__.py"}
    assert list(answer[0]) == ["label", "score"]
    assert [row["label"] for row in answer] == expected["label"].tolist()
    np.testing.assert_allclose([row["score"] for row in answer], expected["score"], atol=1e-6)


def test_registering_again_makes_no_second_version(finished: Sandbox, client: "MlflowClient") -> None:
    before = finished.paths.registration.read_bytes()
    done = finished.finetrail("register")
    assert (done.code, done.out) == (0, "found again: models:/toy/1, also models:/toy@challenger\n")
    assert finished.paths.registration.read_bytes() == before
    assert len(client.search_model_versions("name = 'toy'")) == 1


def test_a_stray_run_id_in_the_environment_is_not_written_to(registered: Sandbox) -> None:
    """It stood there while `register` ran."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(registered.paths))
    version = client.get_model_version_by_alias("toy", "challenger")
    assert client.get_run(version.run_id).data.tags["finetrail.candidate"] == "full"


@pytest.mark.parametrize("name", ["scored.csv", "scored.jsonl", "scored.parquet"])
def test_predict_scores_a_file(finished: Sandbox, expected: pd.DataFrame, tmp_path: Path, name: str) -> None:
    source, target = tmp_path / "new.csv", tmp_path / name
    asked = expected.head(12).rename(columns={"label": "note"})[["note", "text"]]
    asked.to_csv(source, index=False)
    done = finished.finetrail("predict", str(source), str(target), "--top", "2")
    assert done.code == 0, done.err
    assert done.out.startswith("scored 12 rows with models:/toy/1, the version of this workspace: ")
    read: dict[str, Any] = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    scored = read.get(target.suffix, lambda path: pd.read_json(path, lines=True))(target)
    likeliest = scored.pop("probabilities").map(lambda said: json.loads(said) if isinstance(said, str) else list(said))
    wanted = asked.assign(row=range(1, 13), predicted_label=expected["label"], score=expected["score"])
    pd.testing.assert_frame_equal(scored, wanted, check_dtype=False, atol=1e-6)
    assert [said[0]["label"] for said in likeliest] == scored["predicted_label"].tolist()
    assert {len(said) for said in likeliest} == {2}
    assert not list(tmp_path.glob("*.partial"))
