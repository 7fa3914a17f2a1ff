"""`ft.finetune`: one candidate on rows in memory, by the stages of the pipeline."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import finetrail as ft
from finetrail.errors import ConfigError, SourceError, SplitError
from finetrail.registry.answered import rows_to_test
from finetrail.workspace import Workspace
from tests.conftest import toy_rows
from tests.images import SHAPES, draw

ROWS = pd.DataFrame({"text": [f"{word} door number {n}" for n in range(20) for word in ("good", "bad")]}).assign(
    label=["good", "bad"] * 20
)
TINY = {"name": "timm/test_efficientnet", "weights": "random", "image_size": 32, "match": None}


def images(first: int, count: int) -> list[dict[str, Any]]:
    return [{"picture": draw(shape, seed), "shape": shape} for seed in range(first, first + count) for shape in SHAPES]


@pytest.mark.slow
def test_images_in_memory_are_learnt_in_a_temporary_workspace_and_saved(
    tmp_path: Path, mlflow_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    fitted = ft.finetune(
        images(0, 12), images(12, 4), backbone=TINY, method="linear_probe", training={"epochs": 1, "batch_size": 16}
    )
    assert os.environ["MLFLOW_TRACKING_URI"] == mlflow_database
    assert fitted.model.task == "image-classification"
    assert fitted.metrics["accuracy"] >= 0
    assert [*ft.results(folder=fitted.folder).index] == ["linear_probe"]
    shown = [draw(shape, 99) for shape in SHAPES]
    saved = fitted.save(tmp_path / "saved")
    found = ft.load(str(saved), folder=tmp_path).predict(shown)
    pd.testing.assert_frame_equal(found, fitted.predict(shown))
    with pytest.raises(ConfigError, match=r"saved is there already; name a new folder$"):
        fitted.save(saved)
    with pytest.raises(ConfigError, match=r"there were no test rows; give finetune\(\.\.\., test=ROWS\)$"):
        fitted.register()
    with pytest.raises(SplitError, match=r"^there are no test rows, as `split\.test: 0` allows; name some"):
        rows_to_test(Workspace(fitted.folder).split("test"))
    folder = fitted.folder
    del fitted
    assert not folder.exists(), "a temporary workspace goes with what was fitted"


def texts(**columns: Any) -> pd.DataFrame:
    """Toy texts with other labels than a class. Args: columns: what makes a label of a row."""
    rows = [row for row in toy_rows() if row["text"]][:120]
    return pd.DataFrame([{key: make(row) for key, make in columns.items()} for row in rows])


def text(row: dict[str, str]) -> str:
    return row["text"]


def boxed(number: int) -> dict[str, Any]:
    box = {"bbox": [[4, 4, 24, 24]], "categories": [SHAPES[number % len(SHAPES)]]}
    return {"image": draw(SHAPES[number % len(SHAPES)], number), "objects": box}


ENCODER = {"weights": "encoder", "max_tokens": 64}
FRAMES: dict[str, tuple[pd.DataFrame, dict[str, Any], Any, str]] = {
    # Rows, keywords, the backbone, and a column of the answers.
    "text-regression": (
        texts(text=text, score=lambda row: len(row["label"]) + len(text(row)) / 100),
        {},
        ENCODER,
        "prediction",
    ),
    "token-classification": (
        texts(
            tokens=lambda row: text(row).split(), ner_tags=lambda row: ["B-X"] + ["O"] * (len(text(row).split()) - 1)
        ),
        {},
        ENCODER,
        "spans",
    ),
    "question-answering": (
        texts(
            question=lambda row: f"which {row['label']} {text(row)[:9]}",
            context=text,
            answers=lambda row: {"text": [text(row).split()[0]], "answer_start": [0]},
        ),
        {},
        ENCODER,
        "answer",
    ),
    "text-multi-target": (
        texts(text=text, topic=lambda row: row["label"], words=lambda row: len(text(row).split()) + 0.5),
        {"text": "text", "label": ["topic", "words"]},
        ENCODER,
        "topic_label",
    ),
    "object-detection": (pd.DataFrame([boxed(number) for number in range(45)]), {}, TINY, "objects"),
}


@pytest.mark.slow
@pytest.mark.parametrize("task", FRAMES)
def test_a_frame_of_any_task_is_learnt(
    tiny_bert: Path, tmp_path: Path, mlflow_database: str, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_bert, "encoder")
    rows, asked, backbone, answer = FRAMES[task]
    cut = 2 * len(rows) // 3
    settings = {"method": "linear_probe", "training": {"epochs": 1}, "folder": "workspace"} | asked
    fitted = ft.finetune(rows[:cut], rows[cut:], backbone=backbone, **settings)
    assert fitted.model.task == task
    sent: Any = rows[cut:].drop(columns=rows.columns[1 if task != "question-answering" else 2 :])
    if task == "token-classification":
        sent = [" ".join(tokens) for tokens in rows["tokens"][cut:]]
    found = fitted.predict(sent)
    assert len(found) == len(rows) - cut
    assert answer in found.columns


@pytest.mark.slow
def test_the_page_about_python_says_what_works(
    tiny_bert: Path, tmp_path: Path, mlflow_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    _, fine_tuning = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_bert, "encoder")
    rows = pd.DataFrame(toy_rows()[:200])[["text", "label"]]
    names: dict[str, Any] = {"ft": ft, "train": rows[:120], "val": rows[120:160], "test": rows[160:]}
    exec(fine_tuning, names)  # noqa: S102  (our own page)
    assert names["fitted"].metrics["macro_f1"] > 0
    assert ft.load("model").task == "text-classification"
    assert ft.load("1", folder="reviews").task == "text-classification"


@pytest.mark.slow
def test_the_notebook_runs_with_another_backbone(tiny_bert: Path, mlflow_database: str) -> None:
    root = Path(__file__).parents[2]
    before = (root / "docs" / "notebook.ipynb").read_bytes()
    environment = os.environ | {"MLFLOW_TRACKING_URI": mlflow_database}  # with its tables, whose making takes seconds
    command = [sys.executable, "-m", "bench.notebook", str(tiny_bert)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (root / "docs" / "notebook.ipynb").read_bytes() == before
    assert done.stdout == "models:/docstrings/1\n"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"text": "review"}, r"^text='review': rows has no such column; it has 'text', 'label'; name one of these$"),
        ({"label": "stars"}, r"^label='stars': rows has no such column"),
        ({"task": "image-classification"}, r"name columns with text= ?and label="),
        ({"method": "lorra"}, r"^params\.yaml: candidates\.lorra\.adaptation\.method is 'lorra': must be one of"),
        ({"backbone": "no/such/folder"}, r"backbone\.weights 'no/such/folder'"),
        (
            {"training": {"epoch": 1}},
            r"^params\.yaml: candidates\.lora\.train: unknown key 'epoch'; did you mean 'epochs'\?",
        ),
        ({"training": {"processes": 2}}, r"^train\.processes is 2: finetune trains in one process; leave it out$"),
    ],
)
def test_what_is_not_allowed_is_said_in_a_line_before_training(
    asked: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises((ConfigError, SourceError), match=said) as caught:
        ft.finetune(ROWS[:30], ROWS[30:], folder=tmp_path / "workspace", **asked)
    assert "\n" not in str(caught.value)


def test_no_rows_and_a_workspace_of_a_pipeline_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^val has 0 rows; give labelled rows as a frame or as a list of dicts$"):
        ft.finetune(ROWS, ROWS[:0], folder=tmp_path)
    (tmp_path / "dvc.yaml").touch()
    with pytest.raises(ConfigError, match=r"is a workspace with a pipeline; run `dvc repro` in it, or name another"):
        ft.finetune(ROWS, ROWS, folder=tmp_path)
