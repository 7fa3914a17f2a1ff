"""Workspaces whose photos show shapes, to be found as boxes, as classes of pixels or as masks of objects."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.inference.features import Features, compute_features
from finetrail.inference.predict import predict
from finetrail.runs.tracking import tracking_uri
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import read_json
from tests.pipeline import forks
from tests.pipeline.trainings import after, train
from tests.pipeline.workspaces import Sandbox, lay_out
from tests.whole import read_whole

ROWS = (40, 10, 10)
"""Of train, val and test."""
PARAMS = """
project: {project}
task: {task}
seed: 0

source:
  path: {path}
{source}

validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}

split: {{method: official, near_duplicates: 0}}

backbone: {{name: timm/test_resnet, weights: random, {backbone}}}

train: {{batch_size: 8, log_every: 4, precision: fp32, {train}}}

candidates:
  full:
    adaptation: {{method: full}}
    train: {{learning_rate: 5e-3, checkpoint_seconds: 0, {full}}}
{more}
selection: {{resamples: 100}}
"""


def probe(train: str) -> str:
    """A candidate that trains the head alone, for an epoch. Args: train: more of its settings."""
    return f"""
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 1, learning_rate: 5e-3, {train}}}
"""


def ran(root: Path, file: Path, **parts: str) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only.

    The training that others are compared with has a process of its own, as they have.

    Args:
        file: with the photos and their labels.
        parts: of `PARAMS`; `more` are candidates beside `full`.
    """
    place = f"data/input/{file.name}"
    sandbox = lay_out(root, PARAMS.format(path=place, **parts), {place: file})
    trained = [f"train {name}" for name in sandbox.candidates()]
    for stage in ("ingest", "validate", "split", *trained, "select", "test", "register"):
        done = forks.run(sandbox, *stage.split()) if "full" in stage else sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def same_scores(found: Sandbox) -> None:
    """The predictions that are written have the scores that the test found."""
    codec = load_model(found.paths.model("full")).codec
    frame = read_predictions(found.paths.test_report / "predictions.parquet")
    scores = point_scores(codec.judge, frame["label"].tolist(), codec.read(frame))
    tested = read_json(found.paths.test_details)["test"]
    assert scores == pytest.approx({name: tested[name] for name in scores})


def same_bytes_after_a_kill(found: Sandbox, to: Path, step: int = 9) -> None:
    """A training that was killed ends as the one that was not. Args: step: from which on it is killed."""
    again = found.copy(to)
    assert forks.start(again, "train", "full").kill(after(again, step)).err == ""
    assert "training resumes after step" in train(again)
    for file in ("model.safetensors", "model.json"):
        assert (again.paths.model("full") / file).read_bytes() == (found.paths.model("full") / file).read_bytes()


def same_from_features(found: Sandbox) -> None:
    """A linear probe answers alike from features that are computed once, and from photos."""
    built = load_model(found.paths.model("linear_probe"))
    inputs = built.processor.encode(read_whole(found.paths.split("val"))["image"].tolist())
    features = compute_features(built.model, inputs, 4)
    assert isinstance(features, Features)
    one, other = (
        built.learning.answers(predict(built.model, of, built.learning.keep, 4), inputs) for of in (features, inputs)
    )
    assert built.codec.apart(one, other).max() < 1e-3


def predicted(found: Sandbox, folder: Path, *photos: bytes) -> list[dict[str, Any]]:
    """What `predict` answers to photos."""
    (folder / "photos").mkdir()
    for number, photo in enumerate(photos):
        (folder / "photos" / f"{number}.png").write_bytes(photo)
    done = found.finetrail("predict", str(folder / "photos"), str(folder / "scored.jsonl"))
    assert done.code == 0, done.err
    return [json.loads(line) for line in (folder / "scored.jsonl").read_text(encoding="utf-8").splitlines()]


def served(found: Sandbox, photo: bytes, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a server answers to a photo."""
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(found.paths))
    model = mlflow.pyfunc.load_model(f"models:/{read_json(found.paths.registration)['name']}@challenger")
    sent = {"dataframe_records": [{"image": base64.b64encode(photo).decode()}]}
    answer = invocations(json.dumps(sent), "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    (said,) = json.loads(answer.response)["predictions"]
    return dict(said)


def by_card(found: Sandbox, folder: Path, metric: str, photo: bytes, more: str = "") -> list[str]:
    """Export in a form that has the same metric; returns what the card's own code prints of a photo.

    Args:
        folder: has the name of the form.
        metric: and its rows, as the card names them.
        more: code behind it.
    """
    done = found.finetrail("export", str(folder), "--format", folder.name)
    assert done.code == 0, done.err
    card = (folder / "README.md").read_text(encoding="utf-8")
    library = {"onnx": "onnx", "hf": "pytorch"}[folder.name]
    assert re.search(rf"- {metric}: trained ([0-9.]+), {library} \1\.", card), card
    (folder / "image.png").write_bytes(photo)
    code = card.partition("```python\n")[2].partition("```")[0] + more
    answered = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert answered.returncode == 0, answered.stderr
    return answered.stdout.splitlines()


def assess(found: Sandbox, to: Path, **more: Any) -> Sandbox:
    """A copy in which what changes photos has been assessed. Args: more: assessments, by name; they train briefly."""
    copy = found.copy(to)
    copy.edit("candidates.full.train.epochs", 1)
    asked: dict[str, Any] = {"robustness": {"severities": [3], "max_rows": 10}}
    asked |= {"attacks": {"epsilons": [4], "max_rows": 10}, "slices": {}, **more}
    copy.edit("assess", asked)
    for name in asked:
        done = copy.finetrail("assess", name)
        assert done.code == 0, (name, done.err)
    return copy
