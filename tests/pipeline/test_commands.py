"""The commands around the stages: help, check, show, use; and what they say when there is nothing to show yet."""

import json
import re
from typing import Any

import pytest

import finetrail
from finetrail.workspace import read_json
from tests.pipeline.workspaces import CANDIDATES, REPOSITORY, Sandbox

COMMANDS = (
    "ingest validate split train select test register check use show ui predict "
    "compare promote rollback models history evaluate export verify reproduce"
).split()


def test_help_lists_every_command(plain: Sandbox) -> None:
    done = plain.finetrail("--help")
    assert done.code == 0
    assert [name for name in COMMANDS if f" {name} " not in done.out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(plain: Sandbox, command: str) -> None:
    done = plain.finetrail(command, "--help")
    assert done.code == 0
    assert f"finetrail {command}" in done.out.replace("root ", "finetrail ")


def test_check_says_what_params_yaml_asks_for(plain: Sandbox) -> None:
    done = plain.finetrail("check")
    assert (done.code, done.out) == (
        0,
        "params.yaml is valid: text-classification, candidates linear_probe, lora, full\n",
    )


def test_show_has_ranking_choice_scores_and_version_on_one_screen(finished: Sandbox) -> None:
    done = finished.finetrail("show")
    assert done.code == 0
    assert all(name in done.out for name in CANDIDATES)
    chosen = read_json(finished.paths.selection_report)
    assert f"{chosen['chosen']} *" in done.out
    assert chosen["reason"] in done.out
    macro_f1 = read_json(finished.paths.test_details)["test"]["macro_f1"]
    assert f"macro F1 {macro_f1:.3f}" in done.out
    assert "registered: models:/toy/1, alias challenger" in done.out
    assert "data/reports/test/report.html" in done.out
    (address,) = re.findall(r"side by side, while `make ui` runs: (\S+)$", done.out, re.MULTILINE)
    assert all(read_json(finished.paths.run(name).record)["run_id"] in address for name in CANDIDATES)
    assert len(done.out.splitlines()) < 25


def test_the_page_about_python_runs_as_it_is(finished: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _fine_tuning = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "python.md").read_text(), re.DOTALL)
    monkeypatch.chdir(finished.root)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  (our own page)
    assert repr(names["model"]) == "<finetrail.Model models:/toy/1, the version of this workspace: text-classification>"
    assert [len(said) for said in names["answers"]["probabilities"]] == [2, 2]
    assert "Confusion matrix" in names["page"]._repr_html_()


def test_results_in_python(finished: Sandbox) -> None:
    found = finetrail.results(folder=finished.root)
    assert set(found.index) == {*CANDIDATES}
    assert found.index[found["chosen"]].tolist() == [read_json(finished.paths.selection_report)["chosen"]]
    assert (found["low"] <= found["val_macro_f1"]).all()


def test_use_puts_a_recipe_in_place_but_not_over_edits(plain: Sandbox) -> None:
    (plain.root / "recipes").mkdir()
    recipe = plain.root / "recipes" / "newsgroups.yaml"
    recipe.write_bytes((REPOSITORY / "recipes" / "newsgroups.yaml").read_bytes())
    edited = plain.paths.params.read_bytes()
    done = plain.finetrail("use", "newsgroups")
    assert done.error == (
        "ConfigError: params.yaml has edits that `use newsgroups` would overwrite; commit or copy it, "
        "then repeat with --force"
    )
    assert plain.paths.params.read_bytes() == edited
    assert plain.finetrail("use", "newsgroups", "--force").code == 0
    assert plain.paths.params.read_bytes() == recipe.read_bytes()
    assert "use one of newsgroups" in plain.finetrail("use", "news").error


@pytest.mark.parametrize("command", ["show", "models", "history", "verify", "doctor", "compare"])
def test_json_alone_is_on_standard_output_and_lines_for_people_beside_it(finished: Sandbox, command: str) -> None:
    done = finished.finetrail(command, "--json", "-")
    assert done.code == 0, done
    found = json.loads(done.out)
    assert found
    assert done.err.strip()
    if command == "models":
        assert found[0]["version"] == 1
        assert "challenger" in found[0]["aliases"]
    elif command == "history":
        assert done.err.splitlines()[-1] == f"head {found['head']}"
        assert {"registration", "scoring"} <= {one["kind"] for one in found["entries"]}


@pytest.mark.parametrize(
    ("command", "missing", "writer"),
    [
        (["validate"], "data/raw/manifest.parquet", "ingest"),
        (["train", "full"], "data/splits/train", "split"),
        (["select"], "data/runs/linear_probe/details.json", "train linear_probe"),
        (["test"], "data/selection/selection.json", "select"),
        (["register"], "data/selection/selection.json", "select"),
        (["show"], "data/selection/selection.json", "select"),
    ],
)
def test_a_stage_out_of_order_names_the_one_before(
    plain: Sandbox, command: list[str], missing: str, writer: str
) -> None:
    for name in ("raw", "reports", "splits"):
        (plain.root / "data" / name).rename(plain.root / f"{name}-aside")
    done = plain.finetrail(*command)
    assert done.code == 7
    assert done.error == (
        f"WorkspaceError: {plain.root / missing} does not exist: it is written by `{writer.split(maxsplit=1)[0]}`; "
        f"run `dvc repro` or `finetrail {writer}`"
    )


@pytest.mark.parametrize("command", ["promote", "verify", "evaluate", "export out", "predict a.csv b.csv"])
def test_before_a_version_is_registered_commands_say_so(plain: Sandbox, command: str) -> None:
    done = plain.finetrail(*command.split())
    assert done.code == 9
    assert (
        done.error
        == "RefusedError: this workspace has not registered a version; run `dvc repro`, whose last stage does"
    )


def test_predict_says_what_it_cannot_score(finished: Sandbox) -> None:
    done = finished.finetrail("predict", "data/input/toy.csv", "scored.xlsx")
    assert done.error.startswith("ConfigError: 'scored.xlsx': cannot tell the format from '.xlsx'")
    done = finished.finetrail("predict", "missing.csv", "scored.csv")
    assert done.error.startswith("SourceError: missing.csv does not exist")
    done = finished.finetrail("predict", "data/input/toy.csv", "scored.csv", "--column", "body")
    assert done.error.startswith("SourceError: toy.csv: no column 'body'; it has 'text', 'label', 'split'")
    done = finished.finetrail("predict", "data/input/toy.csv", "scored.csv", "--model", "models:/toy@champion")
    assert (done.code, done.error) == (9, "RefusedError: 'toy' has no version 'champion'; it has 1, challenger")
    assert not (finished.root / "scored.csv").exists()
