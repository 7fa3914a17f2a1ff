"""`import finetrail as ft`: what notebooks and scripts use."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import finetrail as ft
from finetrail.errors import ConfigError, DataError, WorkspaceError
from finetrail.registry.packing import Version
from finetrail.serving.answer import answer
from finetrail.tasks.registry import load_model
from tests.unit.params_file import load as load_params

TEXTS = ["good superb door", "bad chair"]


@pytest.fixture
def model(
    tmp_path: Path, mlflow_database: str, registered: tuple[Version, str], monkeypatch: pytest.MonkeyPatch
) -> ft.Model:
    assert registered
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    load_params(tmp_path, {"project": "shared"})
    return ft.load("challenger", folder=tmp_path)


def test_the_public_names_are_these_and_cost_nothing_until_used() -> None:
    assert ft.__all__ == ["Fitted", "Model", "Report", "__version__", "finetune", "load", "report", "results"]
    assert all(hasattr(ft, name) for name in ft.__all__)
    with pytest.raises(AttributeError, match="module 'finetrail' has no attribute 'lode'"):
        _ = ft.lode
    code = "import sys, finetrail; assert not {'pandas', 'torch', 'mlflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_lists_series_and_frames_are_answered_alike(model: ft.Model, saved_model: Path) -> None:
    expected = answer(load_model(saved_model), TEXTS)
    assert repr(model) == "<finetrail.Model models:/shared/1: text-classification>"
    assert (model.task, model.columns) == ("text-classification", ("text",))
    index = pd.Index([7, 3], name="id")
    frame = pd.DataFrame({"note": [1, 2], "text": TEXTS}, index=index)
    given: list[Any] = [TEXTS, tuple(TEXTS), [{"text": text} for text in TEXTS], frame, frame["text"]]
    for rows in given:
        found = model.predict(rows)
        wanted = expected.set_index(index) if isinstance(rows, pd.DataFrame | pd.Series) else expected
        pd.testing.assert_frame_equal(found, wanted)
    assert model.predict([]).empty


@pytest.mark.slow
def test_options_are_those_of_the_task(model: ft.Model) -> None:
    found = model.predict(TEXTS, probabilities=True)
    assert [len(said) for said in found["probabilities"]] == [2, 2]
    with pytest.raises(ConfigError, match=r"has no option 'n_best'; leave it out \(its options: probabilities, top\)$"):
        model.predict(TEXTS, n_best=2)


@pytest.mark.slow
def test_a_model_of_two_columns_says_which_one_is_missing(model: ft.Model, tmp_path: Path, paired_model: Path) -> None:
    assert model
    paired = ft.load(str(paired_model), folder=tmp_path)
    rows = [{"answer": "b", "question": "a", "id": 1}]
    assert len(paired.predict(rows)) == 1
    with pytest.raises(DataError, match=r"^no row has 'answer'; send question, answer$"):
        paired.predict([{"question": "a"}])


def test_results_and_report_say_which_stage_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="select"):
        ft.results(folder=tmp_path)
    with pytest.raises(WorkspaceError, match="test"):
        ft.report(folder=tmp_path)


def test_a_report_is_a_page_that_cannot_reach_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text('<p title="a">b</p>')
    shown = ft.Report(tmp_path / "report.html")._repr_html_()
    assert shown.startswith('<iframe sandbox srcdoc="&lt;p title=&quot;a&quot;&gt;b&lt;/p&gt;"')
