"""Stage `assess`: none without its section in params.yaml; with it one that runs once, and numbers in its files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.serving.predictions import read_predictions
from finetrail.targets.classes import CLASSES
from finetrail.targets.codec import Codec
from finetrail.workspace import read_json
from tests.browser import DARK, PHONE, brightness, browse, colours, width_on_a_phone
from tests.pipeline.challengers import client
from tests.pipeline.workspaces import Outcome, Sandbox

if TYPE_CHECKING:
    from mlflow.entities import Run

ROBUSTNESS = {"perturbations": ["typos", "case"], "severities": [2, 5], "max_rows": 40, "baseline": "lora"}
ATTACKS = {"epsilons": [1, 4], "max_rows": 40}
OTHERS = {
    "explanations": {"max_rows": 3, "steps": 8},
    "labels": {"max_shown": 5},
    "slices": {"min_rows": 5, "clusters": 3},
    "stability": {"seeds": 2, "resamples": 2},
}
PAGES = ("robustness", "attacks")


@pytest.fixture(scope="module")
def asked(finished: Sandbox, first_run: Outcome, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sandbox, Outcome]:
    """A workspace after the `dvc repro` that assessed its model, and what that said. Read only."""
    sandbox = finished.copy(tmp_path_factory.mktemp("assessed") / "workspace")
    assert not [stage for stage in sandbox.stages_of(first_run) if stage.startswith("assess")]
    sandbox.edit("assess", {"robustness": ROBUSTNESS, "attacks": ATTACKS} | OTHERS)
    done = sandbox.run("dvc", "repro")
    assert done.code == 0, done.err
    return sandbox, done


@pytest.fixture(scope="module")
def rebuilt(asked: tuple[Sandbox, Outcome], tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Its files with a database that knew nothing, after `register` alone, as in a clone with results out of DVC."""
    copy = asked[0].copy(tmp_path_factory.mktemp("rebuilt") / "workspace")
    done = copy.finetrail("register")
    assert done.code == 0, done.err
    return copy


@pytest.fixture
def assessed(asked: tuple[Sandbox, Outcome]) -> Sandbox:
    return asked[0]


def test_each_assessment_is_a_stage_where_params_yaml_asks_for_it(
    asked: tuple[Sandbox, Outcome], tmp_path: Path
) -> None:
    sandbox, done = asked
    assert sorted(sandbox.stages_of(done)) == sorted(f"assess@{name}" for name in (*PAGES, *OTHERS))
    assert "40 rows, 2 perturbations at 2 severities: about " in done.out
    assert "40 rows, hotflip at 2 epsilons: about " in done.out
    again = sandbox.run("dvc", "repro")
    assert (again.code, sandbox.stages_of(again)) == (0, [])
    copy = sandbox.copy(tmp_path / "copy")
    copy.edit("assess", {"robustness": ROBUSTNESS, "attacks": ATTACKS})
    unasked = copy.finetrail("assess", "stability")
    assert unasked.error == "ConfigError: assess.stability is not in params.yaml; it has robustness, attacks"


def test_the_numbers_of_robustness_are_those_of_its_answers(assessed: Sandbox) -> None:
    folder = assessed.paths.assessment("robustness")
    written, codec = read_json(folder / "robustness.json"), chosen_codec(assessed)
    table = read_predictions(folder / "predictions.parquet")
    assert len(table) == 2 * 40 * 5
    own, baseline = table[table["candidate"] == "full"], table[table["candidate"] == "lora"]
    clean = own[own["severity"] == 0]
    assert written["clean"] == pytest.approx(_f1(codec, clean))
    errors = {one["perturbation"]: one for one in written["baseline"]["errors"]}
    for name, one in written["perturbations"].items():
        lost = [0.0, 0.0]
        for level in one["severities"]:
            rows, theirs = (
                part[(part["perturbation"] == name) & (part["severity"] == level["severity"])]
                for part in (own, baseline)
            )
            assert level["value"] == pytest.approx(_f1(codec, rows))
            assert level["flip_rate"] == pytest.approx((_best(rows) != _best(clean)).mean())
            lost = [lost[0] + 1 - _f1(codec, rows), lost[1] + 1 - _f1(codec, theirs)]
        assert errors[name]["ce"] == pytest.approx(lost[0] / lost[1])
    assert written["baseline"]["mce"] == pytest.approx(np.mean([one["ce"] for one in errors.values()]))
    assert written["perturbations"]["case"]["flip_rate"] == 0, "the toy tokenizer drops case"
    assert written["perturbations"]["typos"]["flip_rate"] > 0
    shown = assessed.finetrail("show")
    assert shown.code == 0, shown.err
    assert "robustness: macro F1 " in shown.out
    assert "attacks: macro F1 " in shown.out


def test_attacks_cost_more_than_nothing_and_their_numbers_are_those_of_the_answers(assessed: Sandbox) -> None:
    folder = assessed.paths.assessment("attacks")
    written, codec = read_json(folder / "attacks.json"), chosen_codec(assessed)
    table = read_predictions(folder / "predictions.parquet")
    assert len(table) == 40 * 3
    one, four = written["attacks"]["hotflip"]["epsilons"]
    for level in (one, four):
        assert level["value"] == pytest.approx(_f1(codec, table[table["epsilon"] == level["epsilon"]]))
    assert four["value"] < one["value"] < written["clean"]


def test_mlflow_shows_every_assessment_with_the_run(assessed: Sandbox) -> None:
    _check_shown(assessed)


def test_a_database_that_knows_nothing_gets_them_from_the_files(rebuilt: Sandbox) -> None:
    """Nothing is assessed again."""
    _check_shown(rebuilt)
    known = client(rebuilt).get_model_version_by_alias("toy", "challenger")
    assert {f"finetrail.assess.{name}" for name in PAGES} <= set(known.tags)
    entries = rebuilt.finetrail("history").out
    assert entries.count(" assessment ") == len(PAGES) + len(OTHERS)
    assert rebuilt.finetrail("register").code == 0
    assert rebuilt.finetrail("history").out.count(" assessment ") == len(PAGES) + len(OTHERS), (
        "once for the same answers"
    )


def test_an_assessment_of_another_model_is_not_shown_with_this_one(assessed: Sandbox, tmp_path: Path) -> None:
    copy = assessed.copy(tmp_path / "copy")
    about = copy.paths.assessment("attacks") / "about.json"
    about.write_text(about.read_text().replace(read_json(about)["model"], "0" * 64), encoding="utf-8")
    assert copy.finetrail("register").code == 0
    tags = _run(copy).data.tags
    assert "finetrail.assess.robustness" in tags
    assert "finetrail.assess.attacks" not in tags


def test_the_card_says_what_was_assessed(rebuilt: Sandbox) -> None:
    done = rebuilt.finetrail("export", "exported")
    assert done.code == 0, done.err
    card = (rebuilt.root / "exported" / "README.md").read_text(encoding="utf-8")
    assert "## Assessed on validation rows\n\n- attacks: macro F1 " in card
    assert "- robustness: macro F1 " in card


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_in_a_browser_fits_a_phone_and_is_dark_where_that_is_wanted(
    assessed: Sandbox, chromium: str, tmp_path: Path, name: str
) -> None:
    page = assessed.paths.assessment(name) / "report.html"
    document, light = browse(chromium, page.as_uri(), tmp_path)
    assert f"{read_json(page.with_name(f'{name}.json'))['clean']:.3f}" in document
    assert document.count("<svg") == {"robustness": 2, "attacks": 1}[name]
    assert colours(light) > 100
    _, dark = browse(chromium, page.as_uri(), tmp_path, flags=DARK)
    assert brightness(dark) < 80
    assert brightness(light) > 200
    assert width_on_a_phone(chromium, page, tmp_path) == PHONE


@pytest.mark.parametrize("name", OTHERS)
def test_the_page_of_each_other_opens_and_fits_a_phone(
    assessed: Sandbox, chromium: str, tmp_path: Path, name: str
) -> None:
    folder = assessed.paths.assessment(name)
    assert {file.name for file in folder.iterdir()} == {
        f"{name}.json",
        "about.json",
        "predictions.parquet",
        "report.html",
    }
    page = folder / "report.html"
    document, image = browse(chromium, page.as_uri(), tmp_path)
    assert "How to read it" in document
    assert colours(image) > 20
    assert width_on_a_phone(chromium, page, tmp_path) == PHONE
    _, dark = browse(chromium, page.as_uri(), tmp_path, flags=DARK)
    assert brightness(dark) < 80


def test_the_others_say_what_their_answers_say(assessed: Sandbox) -> None:
    errors = read_predictions(assessed.paths.assessment("slices") / "predictions.parquet")["error"]
    slices = read_json(assessed.paths.assessment("slices") / "slices.json")
    assert slices["error"] == pytest.approx(errors.mean())
    mistakes = read_json(assessed.paths.assessment("explanations") / "explanations.json")
    assert mistakes["wrong"] == errors.sum()
    assert mistakes["explained"] == min(3, mistakes["wrong"])
    shown = assessed.finetrail("show")
    assert all(f"{name}: " in shown.out for name in OTHERS)
    compared = assessed.finetrail("compare")
    assert compared.code == 0, compared.err
    chosen = read_json(assessed.paths.selection_report)["chosen"]
    seeds = read_json(assessed.paths.assessment("stability") / "stability.json")["candidates"][chosen]["seeds"]
    assert f"{seeds['mean']:.3f} ± {seeds['std']:.3f}" in compared.out


def test_declared_slices_stand_in_report_metrics_mlflow_and_gate(sandbox: Sandbox, first_run: Outcome) -> None:
    sandbox.edit(
        "selection.slices", {"storms": {"label": ["weather"], "min_characters": 20}, "nobody": {"group": ["x"]}}
    )
    done = sandbox.run("dvc", "repro", "test")
    assert done.code == 0, done.err
    assert sandbox.stages_of(done) == ["select", "test"]
    written = read_json(sandbox.paths.test_details)["slices"]
    table = read_predictions(sandbox.paths.test_report / "predictions.parquet")
    codec = CLASSES.codec(
        read_json(sandbox.paths.run(read_json(sandbox.paths.selection_report)["chosen"]).details)["target"]
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


def chosen_codec(sandbox: Sandbox) -> Codec:
    chosen = read_json(sandbox.paths.selection_report)["chosen"]
    return CLASSES.codec(read_json(sandbox.paths.run(chosen).details)["target"])


def _check_shown(sandbox: Sandbox) -> None:
    run = _run(sandbox)
    for name in PAGES:
        folder = sandbox.paths.assessment(name)
        written, said = read_json(folder / f"{name}.json"), read_json(folder / "about.json")["said"]
        assert run.data.metrics[f"assess_{name}_mean_drop"] == pytest.approx(written["mean_drop"])
        assert run.data.tags[f"finetrail.assess.{name}"] == said
        files = {file.path for file in client(sandbox).list_artifacts(run.info.run_id, f"assess/{name}")}
        assert {f"assess/{name}/report.html", f"assess/{name}/{name}.json"} < files


def _run(sandbox: Sandbox) -> "Run":
    """The run that trained the chosen model, or its copy where this database never saw it."""
    experiment = client(sandbox).get_experiment_by_name("toy")
    assert experiment is not None
    chosen = read_json(sandbox.paths.selection_report)["chosen"]
    found = client(sandbox).search_runs([experiment.experiment_id])
    return next(run for run in found if run.data.tags["finetrail.candidate"] == chosen)


def _best(rows: pd.DataFrame) -> Any:
    return np.stack(rows["logits"].tolist()).argmax(axis=1)


def _f1(codec: Codec, rows: pd.DataFrame) -> float:
    return point_scores(codec.judge, rows["label"].tolist(), codec.read(rows))["macro_f1"]
