"""Several targets a row, some of them missing: the whole road once, from JSON lines to a registered model's answers."""

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.torch import load_file

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out
from tests.sets import WORDS, topical_texts

JSONL = "data/input/texts.jsonl"
PARAMS = f"""
project: several
task:
  name: text-multi-target
  targets:
    topics: {{problem_type: multi_label_classification}}
    time: {{}}
    size: {{problem_type: regression}}
seed: 0
source:
  path: {JSONL}
  columns: {{targets: {{topics: {{label: classes}}}}}}
validation: {{}}
split: {{val: 0.25, test: 0.25}}
backbone: {{weights: {WEIGHTS}, max_tokens: 32, dropout: 0.0}}
train: {{batch_size: 16, log_every: 3, learning_rate: 4e-3, epochs: 6}}
candidates:
  joint:
    adaptation: {{method: full}}
    train: {{loss: uncertainty}}
  time_alone:
    adaptation: {{method: linear_probe}}
    train: {{only: time, metric: time.macro_f1, learning_rate: 5e-2}}
selection: {{resamples: 200}}
"""


def several_texts(count: int) -> list[dict[str, Any]]:
    """Texts of some topics, whether they tell a time, and how many topics they have; each is left out of some rows."""
    chance = random.Random(0)  # noqa: S311 - toy data
    rows = []
    for text, classes in topical_texts(count):
        labels: dict[str, Any] = {
            "classes": classes,
            "time": "yes" if "time" in classes else "no",
            "size": 10.0 * len(classes),
        }
        left = {name: one if chance.random() < 0.8 else None for name, one in labels.items()}
        rows.append({"text": text, **left})
    return rows


@pytest.fixture(scope="module")
def several(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only."""
    rows = several_texts(240)
    rows += [{"text": "nobody knows", "classes": None, "time": None, "size": None}]
    rows += [{"text": "wrong", "classes": None, "time": "no", "size": "many"}]
    file = tmp_path_factory.mktemp("source") / "texts.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    sandbox = lay_out(tmp_path_factory.mktemp("several"), PARAMS, {JSONL: file, WEIGHTS: tiny_bert})
    for stage in ("ingest", "validate", "split", "train joint", "train time_alone", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
        assert "in which the model is served" not in done.err, "numbers are compared in one unit"
    return sandbox


def test_a_row_is_put_aside_only_without_any_label_or_with_one_that_is_none(several: Sandbox) -> None:
    aside = pd.read_csv(several.paths.quarantine).set_index("content")["rules"].to_dict()
    assert {text: rule for text, rule in aside.items() if rule != "missing_label"} == {"wrong": "readable_label"}
    assert "nobody knows" in aside


def test_the_saved_model_is_plain_and_answers_numbers_in_their_unit(several: Sandbox) -> None:
    weights = load_file(several.paths.model("joint") / "model.safetensors")
    assert [name for name in weights if name.startswith("head.")] == ["head.bias", "head.weight"]
    assert set(read_json(several.paths.model("joint") / "model.json")["target"]["targets"]) == {
        "size",
        "time",
        "topics",
    }
    tested = read_json(several.paths.test_details)
    assert tested["test"]["size.r2"] > 0.3
    assert tested["test"]["mean"] == pytest.approx(
        sum(tested["test"][name] for name in ("size.r2", "time.macro_f1", "topics.mean_average_precision")) / 3
    )
    assert tested["intervals"]["mean"]["low"] < tested["test"]["mean"] < tested["intervals"]["mean"]["high"]
    assert set(tested["topics.per_class"]) == set(WORDS)


def test_what_a_target_gives_up_to_the_others_has_an_interval(several: Sandbox, tmp_path: Path) -> None:
    done = several.finetrail("compare", "--metric", "time.macro_f1", "--output", str(tmp_path))
    assert done.code == 0, done.err
    found = read_json(tmp_path / "compare.json")
    assert found["chosen"] == "joint", "by the mean of all targets"
    (alone,) = [one for one in found["candidates"] if one["candidate"] == "time_alone"]
    assert alone["difference"]["low"] <= alone["difference"]["value"] <= alone["difference"]["high"]
    done = several.finetrail("compare", "--metric", "macro_f1")
    assert "'macro_f1' is no metric of text-multi-target; use one of size.pearson, " in done.err


def test_the_registered_model_answers_in_flat_columns(several: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(several.paths))
    model = mlflow.pyfunc.load_model("models:/several@challenger")
    text = " ".join(WORDS["time"])
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text]]}})
    answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    (found,) = json.loads(answer.response)["predictions"]
    assert set(found) == {"size_prediction", "time_label", "time_score", "topics_labels", "topics_scores"}
    assert found["time_label"] == "yes"
