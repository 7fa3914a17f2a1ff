"""Stage `test` on real files: a model of images, and one of texts."""

import base64
import io
import re
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from finetrail.contents.text.settings import TextBackbone
from finetrail.data.store.shards import Contents, read_frame
from finetrail.errors import RoundTripError, WorkspaceError
from finetrail.evaluation.report.previews import Preview, Seen, write_seen
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.locations import sha256_of
from finetrail.registry import scorings
from finetrail.registry.ledger import Ledger
from finetrail.runs.hashes import hash_folder
from finetrail.runs.record import RunRecord, write_record
from finetrail.runs.study import write_study
from finetrail.runs.tracking import connect
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import write_predictions
from finetrail.stages import test as stage
from finetrail.targets.classes import METRICS
from finetrail.targets.classes.evaluation import ClassEvaluation
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import get_task, load_model
from finetrail.workspace import Workspace, read_json, write_json
from tests.unit import red_or_blue
from tests.unit.evaluation.report.pages import section
from tests.unit.red_or_blue import BLUE, RED, image
from tests.unit.studies.searches import searched

F1 = METRICS[-1]
SETTINGS = Selection(metric=F1.name, resamples=100)
COLOURS = [RED, BLUE, (160, 90, 120), (120, 90, 160)]


def _workspace(
    root: Path, column: str, values: list[Any], labels: list[Any], params: Mapping[str, str], *, metric: Metric = F1
) -> Workspace:
    """Leave what the earlier stages leave; the model's folder is the caller's."""
    workspace = Workspace(root)
    for name, part in product(("val", "test"), (0, 1)):  # two shards
        folder = workspace.split(name)
        folder.mkdir(parents=True, exist_ok=True)
        rows = range(part, len(values), 2)
        table: dict[str, Any] = {
            "id": [f"{'xy'[part]}{row:03d}" for row in rows],
            column: [values[row] for row in rows],
        }
        table |= {"label": [labels[row] for row in rows], "group": pa.array([None for _ in rows], pa.string())}
        pq.write_table(pa.table(table), folder / f"part-{part:05d}.parquet")
    standing = Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 10, 20)
    write_json(workspace.selection_report, choose([standing], Selection(metric=metric.name), metric).as_json())
    split = {
        "method": "stratified",
        "near": {"method": "none"},
        "rows": dict.fromkeys(
            ("ingested", "quarantined_by_validation", "quarantined_by_split", "train", "val", "test"), 4
        ),
        "sha256": {"train": "aa", "val": "bb", "test": "cc"},
        "leakage": {"exact_groups": 0, "near_pairs": 0, "removed": []},
    }
    write_json(workspace.split_report, split)
    tracker = connect(workspace, root.name)
    run_id = tracker.start("full", dict(params), {}, [])
    tracker.end(run_id)
    paths = workspace.run("full")
    paths.root.mkdir(parents=True)
    write_record(RunRecord(run_id, "full", dict(params), {}, [], {}, {}), paths.record)
    for curve in (paths.train_curve, paths.val_curve):
        curve.write_text(f"step,epoch,loss,{metric.name}\n1,1,0.5,0.5\n")
    return workspace


def _answer(workspace: Workspace) -> None:
    """Leave the model's answers to the validation rows, as `train` does."""
    built, split = load_model(workspace.model("full")), workspace.split("val")
    answers = answers_to(built, Contents(split, built.task.content.name))
    write_predictions(workspace.run("full").predictions, read_frame(split), built.codec, answers)
    write_json(workspace.run("full").details, {"best_epoch": 1, "target": built.codec.described()})


@pytest.fixture
def illustrated(tmp_path: Path, mlflow_database: str, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Forty images; of every fourth the label is wrong."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    values = [image(COLOURS[row % 4], size=(8 + row, 9)) for row in range(40)]
    labels = [["red", "blue"][(row % 2) ^ (row % 4 == 3)] for row in range(40)]
    params = {"backbone.name": "mean", "backbone.weights": "none#sha256=12"}
    workspace = _workspace(tmp_path / tmp_path.name, "image", values, labels, params)
    workspace.model("full").mkdir(parents=True)
    red_or_blue.save_red_or_blue(workspace.model("full"))
    _answer(workspace)
    write_seen([Seen("red", Preview(image=image(RED, "JPEG")))], workspace.run("full").seen)
    return workspace


def _tested(workspace: Workspace, task: str) -> stage.Tested:
    return stage.score_test(workspace, project=workspace.root.name, task=get_task(task), settings=SETTINGS)


def _score(workspace: Workspace, task: str) -> tuple[ClassEvaluation, str, pd.DataFrame]:
    done = _tested(workspace, task).evaluation
    assert isinstance(done, ClassEvaluation)
    folder = workspace.test_report
    errors = pd.read_csv(folder / "errors.csv", keep_default_na=False)
    assert list(errors.columns) == ["id", "content", "actual", "predicted", "confidence", "given_to_actual"]
    assert list(errors["id"]) == [one.id for one in done.worst]
    return done, (folder / "report.html").read_text(encoding="utf-8"), errors


def _ledger(workspace: Workspace) -> Ledger:
    return Ledger(connect(workspace, workspace.root.name), workspace.root.name, "test")


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_images(illustrated: Workspace) -> None:
    done, html, errors = _score(illustrated, red_or_blue.NAME)
    assert done.metrics["accuracy"].value == 0.75
    assert len(errors) == 10
    assert set(errors["content"]) == {""}
    assert "mean, none ·" in html
    shown = re.findall(r'src="data:image/(\w+);base64,([^"]+)"', html)
    assert len(shown) == 10 + 6 + 20 + 1  # mistakes, the worst of the one confusion, examples, seen
    assert ("jpeg", base64.b64encode(image(RED, "JPEG")).decode()) in shown
    # The cards show the images of their rows, which all have a width of their own.
    cards = html[html.index('id="mistakes"') : html.index('id="choice"')]
    widths = [Image.open(io.BytesIO(base64.b64decode(data))).width for data in re.findall(r'base64,([^"]+)"', cards)]
    assert [width - 8 for width in widths] == [int(one.id[1:]) for one in done.worst]
    predictions = pd.read_parquet(illustrated.test_report / "predictions.parquet")
    logits = np.stack(predictions["logits"].tolist())
    assert [red_or_blue.LABELS[k] for k in logits.argmax(axis=1)].count("red") == 20
    written = read_json(illustrated.test_details)
    assert set(written) == {"test", "intervals", "per_class", "calibration", "abstaining", "reloaded"}
    assert written["reloaded"] == {"macro_f1": written["test"]["macro_f1"]}, "here, the splits have the same rows"
    assert written["test"] == {name: one.value for name, one in done.metrics.items()} | {"loss": done.loss}
    assert written["test"]["accuracy"] == 0.75
    assert set(written["intervals"]) == {"confidence", "resamples", *done.metrics}
    assert written["intervals"]["accuracy"] == {
        "low": done.metrics["accuracy"].low,
        "high": done.metrics["accuracy"].high,
    }


def test_the_report_says_how_the_settings_were_found_where_they_were_searched(illustrated: Workspace) -> None:
    paths, study = illustrated.run("full").study_record, searched(2)
    write_study(study, paths)
    _tested(illustrated, red_or_blue.NAME)
    html = (illustrated.test_report / "report.html").read_text(encoding="utf-8")
    shown = section(html, "search")
    assert "full is trial" in shown.shown or "full is the best of 2 trials" in shown.shown
    assert F1.say(study.optimism or 0.0) in shown.shown
    assert '<a href="#search">Search</a>' in html
    write_study(None, paths)
    _tested(illustrated, red_or_blue.NAME)
    assert 'id="search"' not in (illustrated.test_report / "report.html").read_text(encoding="utf-8")


def test_the_figures_that_dvc_compares_stand_each_in_a_file_of_its_own(illustrated: Workspace) -> None:
    _tested(illustrated, red_or_blue.NAME)
    plots = illustrated.test_report / "plots"
    assert sorted(path.name for path in plots.iterdir()) == ["confusion.svg", "reliability.svg", "risk.svg"]
    for path in plots.iterdir():
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - written here
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "--good" in "".join(root.itertext()), "the style sheet is in it"


def _nan(tensors: dict[str, torch.Tensor]) -> None:
    tensors["head.bias"][1] = float("nan")


def _swapped(tensors: dict[str, torch.Tensor]) -> None:
    tensors["head.weight"] = tensors["head.weight"].flip(0).contiguous()


@pytest.mark.parametrize(("change", "value"), [(_nan, "nan"), (_swapped, r"0\.\d+")])
def test_a_saved_model_that_is_not_the_trained_one_sees_no_test_row(
    illustrated: Workspace, change: Callable[[dict[str, torch.Tensor]], None], value: str
) -> None:
    _tested(illustrated, red_or_blue.NAME)
    before = _contents(illustrated.test_report)
    weights = illustrated.model("full") / "model.safetensors"
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    for shard in illustrated.split("test").iterdir():
        shard.unlink()
    message = (
        rf"^macro F1 of the saved model is {value} on 40 validation rows, but 0\.7\d+ where it was trained: \d+ answers"
        r" are other ones, by more than [\d.]+; the test split was not touched: train it again with `dvc repro"
    )
    with pytest.raises(RoundTripError, match=message):
        _tested(illustrated, red_or_blue.NAME)
    assert _contents(illustrated.test_report) == before


def test_a_saved_model_with_labels_in_another_order_sees_no_test_row(illustrated: Workspace) -> None:
    file = illustrated.model("full") / "model.json"
    described = read_json(file)
    described["target"]["labels"].reverse()
    write_json(file, described)
    message = (
        r"^the saved model knows other labels, .* than the training wrote to .*details.json; the test split was not"
    )
    with pytest.raises(RoundTripError, match=message):
        _tested(illustrated, red_or_blue.NAME)
    assert not illustrated.test_report.exists()


def test_a_scoring_is_entered_in_the_ledger_and_the_count_is_in_no_out(illustrated: Workspace) -> None:
    def score() -> int:
        return _tested(illustrated, red_or_blue.NAME).models_scored

    assert score() == 1
    first = _contents(illustrated.test_report)
    assert score() == 1, "the same model on the same rows counts once"
    assert _contents(illustrated.test_report) == first
    tracker = connect(illustrated, illustrated.root.name)
    entry = _ledger(illustrated).read().entries[-1]
    assert (entry.kind, entry.version, entry.test_split) == ("scoring", None, "cc")
    assert entry.model == hash_folder(illustrated.model("full"))
    assert entry.metrics["accuracy"] == 0.75
    answers = illustrated.test_report / "predictions.parquet"
    assert entry.facts["answers_sha256"] == sha256_of(answers)
    kept = tracker.client.download_artifacts(entry.facts["run_id"], "answers/cc/predictions.parquet")
    assert Path(kept).read_bytes() == answers.read_bytes()
    published = tracker.client.download_artifacts(entry.facts["run_id"], "test/report.html")
    assert "When this copy was made, they were 1." in Path(published).read_text(encoding="utf-8")
    assert b"When this copy was made" not in first["report.html"]
    assert b"is in the ledger: finetrail history" in first["report.html"]


def test_another_question_to_the_same_answers_does_not_score_again(illustrated: Workspace) -> None:
    assert _tested(illustrated, red_or_blue.NAME).entry is None
    answers = (illustrated.test_report / "predictions.parquet").read_bytes()
    task, other = get_task(red_or_blue.NAME), SETTINGS.model_copy(update={"confidence": 0.5})
    done = stage.score_test(illustrated, project=illustrated.root.name, task=task, settings=other)
    assert done.entry == 1
    assert (illustrated.test_report / "predictions.parquet").read_bytes() == answers
    assert read_json(illustrated.test_details)["intervals"]["confidence"] == 0.5
    assert len(_ledger(illustrated).read().entries) == 1


@pytest.mark.parametrize("whose", ["another model", "another code"])
def test_answers_that_are_not_this_models_or_this_codes_are_given_again(illustrated: Workspace, whose: str) -> None:
    _tested(illustrated, red_or_blue.NAME)
    answers = illustrated.test_report / "predictions.parquet"
    own, ledger, entry = answers.read_bytes(), _ledger(illustrated), _ledger(illustrated).read().entries[0]
    if whose == "another model":
        frame = pd.read_parquet(answers)
        frame["logits"] = list(reversed(frame["logits"]))
        frame.to_parquet(answers, index=False)
        run_id = entry.facts["run_id"]
        scorings.publish(ledger, run_id, answers, model=entry.model, test_split=entry.test_split or "", metrics={})
    else:  # one that did not say which it was
        facts = {key: value for key, value in entry.facts.items() if key != "code_sha256"}
        ledger.enter("scoring", model=entry.model, test_split=entry.test_split, facts=facts, metrics=entry.metrics)
    assert _tested(illustrated, red_or_blue.NAME).entry is None
    assert answers.read_bytes() == own
    assert len(_ledger(illustrated).read().entries) == 3


def test_texts(tmp_path: Path, mlflow_database: str, saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    texts = [
        f"{word} river, by the\rhouse {row}" + " stone" * 60
        for row, word in enumerate(["good", "bad", "happy", "weak"] * 5)
    ]
    workspace = _workspace(tmp_path / "texts", "text", texts, ["good", "bad"] * 10, {"backbone.weights": "b"})
    workspace.models.mkdir(parents=True)
    workspace.model("full").symlink_to(saved_model)
    _answer(workspace)
    write_seen([Seen("good", Preview("what is left"))], workspace.run("full").seen)
    done, html, errors = _score(workspace, "text-classification")
    assert len(errors) == len(done.worst) > 0
    by_id = {f"{'xy'[row % 2]}{row:03d}": text for row, text in enumerate(texts)}
    assert list(errors["content"]) == [by_id[one.id] for one in done.worst]
    assert "<img" not in html
    assert "stone stone…</bdi>" in html
    assert "what is left" in html


def test_numbers(tmp_path: Path, mlflow_database: str, backbone: TextBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    texts = [f"{word} river {row}" for row, word in enumerate(["good", "bad", "happy", "weak"] * 10)]
    labels = [10.0 + row / 4 for row in range(40)]
    workspace = _workspace(
        tmp_path / "numbers",
        "text",
        texts,
        labels,
        {"backbone.weights": "b"},
        metric=metric_named(NUMBERS.metrics, "rmse"),
    )
    task = get_task("text-regression")
    built = task.build(backbone, NUMBERS.learned({"mean": 14.0, "std": 3.0}), workspace.root, ["text"])
    built.learning.finish(built.model)
    built.processor.encode(texts)
    task.save(built, backbone, workspace.model("full"))
    _answer(workspace)
    write_seen([Seen("10.0", Preview("what is left"))], workspace.run("full").seen)
    settings = Selection(metric="rmse", resamples=100)
    done = stage.score_test(workspace, project="numbers", task=task, settings=settings).evaluation
    written = read_json(workspace.test_details)
    assert set(written) == {"test", "intervals", "baseline", "errors", "ranges", "reloaded"}
    assert written["reloaded"] == {"rmse": written["test"]["rmse"]}
    assert written["test"] == {name: one.value for name, one in done.metrics.items()}
    assert written["baseline"]["mean_of_train"] == 14.0
    predictions = pd.read_parquet(workspace.test_report / "predictions.parquet")
    assert sorted(predictions["label"]) == labels
    errors = pd.read_csv(workspace.test_report / "errors.csv")
    assert list(errors.columns) == ["id", "content", "actual", "predicted", "error"]
    farthest = predictions.assign(error=(predictions["prediction"] - predictions["label"]).abs()).nlargest(1, "error")
    assert errors["id"][0] == farthest["id"].item()
    assert errors["content"][0] == dict(zip(labels, texts, strict=True))[farthest["label"].item()]
    assert sorted(path.name for path in (workspace.test_report / "plots").iterdir()) == ["errors.svg", "predicted.svg"]
    assert "always answering the mean of the training labels, 14," in (workspace.test_report / "report.html").read_text(
        "utf-8"
    )


def test_a_run_without_its_examples_is_named(illustrated: Workspace) -> None:
    illustrated.run("full").seen.unlink()
    with pytest.raises(WorkspaceError, match=r"seen.json does not exist: it is written by `train`"):
        _score(illustrated, red_or_blue.NAME)
