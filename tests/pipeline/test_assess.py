"""Stage `assess`: none without its section in params.yaml; with it one that runs once, and numbers in its files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.serving.predictions import read_predictions
from finetrail.targets.classes import CLASSES
from finetrail.targets.codec import Codec
from finetrail.workspace import read_json
from tests.browser import browse, colours
from tests.pipeline.workspaces import Outcome, Sandbox


def test_robustness_is_a_stage_where_params_yaml_asks_for_it(sandbox: Sandbox, first_run: Outcome) -> None:
    assert not [stage for stage in sandbox.stages_of(first_run) if stage.startswith("assess")]
    sandbox.edit("assess", {"robustness": {"perturbations": ["typos", "case"], "severities": [2, 5], "max_rows": 40}})
    done = sandbox.run("dvc", "repro")
    assert done.code == 0, done.err
    assert sandbox.stages_of(done) == ["assess@robustness"]
    assert "40 rows, 2 perturbations at 2 severities: about " in done.out
    again = sandbox.run("dvc", "repro")
    assert (again.code, sandbox.stages_of(again)) == (0, [])

    folder = sandbox.paths.assessment("robustness")
    written = read_json(folder / "robustness.json")
    table = read_predictions(folder / "predictions.parquet")
    assert len(table) == 40 * 5
    chosen = read_json(sandbox.paths.selection_report)["chosen"]
    codec = CLASSES.codec(read_json(sandbox.paths.run(chosen).metrics)["target"])
    clean = table[table["severity"] == 0]
    assert written["clean"] == pytest.approx(_f1(codec, clean))
    for name, one in written["perturbations"].items():
        for level in one["severities"]:
            rows = table[(table["perturbation"] == name) & (table["severity"] == level["severity"])]
            assert level["value"] == pytest.approx(_f1(codec, rows))
            other = np.stack(rows["logits"].tolist()).argmax(axis=1) != np.stack(clean["logits"].tolist()).argmax(
                axis=1
            )
            assert level["flip_rate"] == pytest.approx(other.mean())
    assert written["perturbations"]["case"]["flip_rate"] == 0, "the toy tokenizer drops case"
    assert written["perturbations"]["typos"]["flip_rate"] > 0
    shown = sandbox.finetrail("show")
    assert shown.code == 0, shown.err
    assert "robustness: macro F1 " in shown.out
    unasked = sandbox.finetrail("assess", "stability")
    assert unasked.error == "ConfigError: assess.stability is not in params.yaml; it has robustness"


def _f1(codec: Codec, rows: pd.DataFrame) -> float:
    return point_scores(codec.judge, rows["label"].tolist(), codec.read(rows))["macro_f1"]


def test_slices_and_explanations_are_stages_whose_pages_open(
    sandbox: Sandbox, first_run: Outcome, chromium: str, tmp_path: Path
) -> None:
    asked = {"slices": {"min_rows": 5, "clusters": 3}, "explanations": {"max_rows": 3, "steps": 8}}
    sandbox.edit("assess", asked)
    done = sandbox.run("dvc", "repro")
    assert done.code == 0, done.err
    assert sorted(sandbox.stages_of(done)) == ["assess@explanations", "assess@slices"]
    again = sandbox.run("dvc", "repro")
    assert (again.code, sandbox.stages_of(again)) == (0, [])
    for name in asked:
        folder = sandbox.paths.assessment(name)
        assert {file.name for file in folder.iterdir()} == {f"{name}.json", "predictions.parquet", "report.html"}
        document, image = browse(chromium, (folder / "report.html").as_uri(), tmp_path)
        assert "How to read it" in document
        assert colours(image) > 20
    errors = read_predictions(sandbox.paths.assessment("slices") / "predictions.parquet")["error"]
    slices = read_json(sandbox.paths.assessment("slices") / "slices.json")
    assert slices["error"] == pytest.approx(errors.mean())
    mistakes = read_json(sandbox.paths.assessment("explanations") / "explanations.json")
    assert mistakes["wrong"] == errors.sum()
    assert mistakes["explained"] == min(3, mistakes["wrong"])
    shown = sandbox.finetrail("show")
    assert "slices: " in shown.out
    assert "explanations: " in shown.out


def test_declared_slices_stand_in_report_metrics_mlflow_and_gate(sandbox: Sandbox, first_run: Outcome) -> None:
    sandbox.edit(
        "selection.slices", {"storms": {"label": ["weather"], "min_characters": 20}, "nobody": {"group": ["x"]}}
    )
    done = sandbox.run("dvc", "repro", "test")
    assert done.code == 0, done.err
    assert sandbox.stages_of(done) == ["select", "test"]
    written = read_json(sandbox.paths.test_report / "metrics.json")["slices"]
    table = read_predictions(sandbox.paths.test_report / "predictions.parquet")
    codec = CLASSES.codec(
        read_json(sandbox.paths.run(read_json(sandbox.paths.selection_report)["chosen"]).metrics)["target"]
    )
    inside = table[table["label"] == "weather"]
    right = codec.judge.right(inside["label"].tolist(), codec.read(inside))
    assert right is not None
    assert written["storms"]["rows"] == [len(inside)]
    assert written["storms"]["error"] == pytest.approx(1 - right.mean())
    assert written["nobody"]["rows"] == [0]
    page = (sandbox.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Declared slices" in page
    shown = sandbox.must("dvc", "metrics", "show", "--json")
    assert '"storms": {"error": ' in shown
