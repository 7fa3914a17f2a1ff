"""`finetrail doctor`: what is wrong with a workspace is named, and what it says mends it."""

import shlex
import shutil
from pathlib import Path

import pytest

from finetrail.workspace import read_json
from tests.pipeline.workspaces import CSV, WEIGHTS, Sandbox


def found(sandbox: Sandbox, **environment: str) -> dict[str, tuple[str, str]]:
    """State and remedy of each check."""
    report = sandbox.root / "doctor.json"
    done = sandbox.finetrail("doctor", "--json", str(report), **environment)
    entries = read_json(report)
    wrong = [one["name"] for one in entries if one["state"] == "wrong"]
    assert done.code == (7 if wrong else 0), done
    last = done.error if wrong else done.out.splitlines()[-1]
    assert last.startswith(f"WorkspaceError: {len(wrong)} of" if wrong else f"{len(entries)} checks, nothing wrong")
    return {f"{one['name']} {one['said']}": (one["state"], one["remedy"]) for one in entries}


def only(findings: dict[str, tuple[str, str]], state: str) -> tuple[str, str]:
    """What is found in a state, with its remedy; there is one."""
    ((said, (_, remedy)),) = ((said, one) for said, one in findings.items() if one[0] == state)
    return said, remedy


@pytest.fixture(scope="module")
def known(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = finished.copy(tmp_path_factory.mktemp("doctor") / "workspace")
    assert sandbox.finetrail("register").code == 0
    return sandbox


@pytest.fixture
def whole(known: Sandbox, tmp_path: Path) -> Sandbox:
    return known.twin(tmp_path / "workspace")


def test_nothing_is_wrong_with_a_finished_workspace(whole: Sandbox) -> None:
    findings = found(whole)
    said, remedy = only(findings, "note")
    assert said == "DVC remote none, so data and results are on this machine alone"
    assert remedy == "`dvc remote add --default NAME ADDRESS`"
    names = {said.split()[0] for said in findings}
    assert names == {"git", "DVC", "packages", "disk", "params.yaml", "given", "results", "MLflow", "registry"}


@pytest.mark.parametrize("path", [CSV, WEIGHTS])
def test_data_that_is_not_there_is_restored_as_it_says(whole: Sandbox, tmp_path: Path, path: str) -> None:
    whole.must("dvc", "remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    whole.must("dvc", "push", "--quiet", f"{path}.dvc")
    given = whole.root / path
    shutil.rmtree(given) if given.is_dir() else given.unlink()
    said, remedy = only(found(whole), "wrong")
    assert said == f"given {path} is not there"
    whole.must(*shlex.split(remedy.strip("`")))
    assert "wrong" not in {state for state, _ in found(whole).values()}


def test_a_model_that_this_registry_does_not_have_is_registered_as_it_says(finished: Sandbox, tmp_path: Path) -> None:
    sandbox = finished.copy(tmp_path / "workspace")
    said, remedy = only(found(sandbox), "wrong")
    assert "is not in this registry" in said
    assert sandbox.finetrail(*remedy.split("`")[1].split()[1:]).code == 0
    assert "wrong" not in {state for state, _ in found(sandbox).values()}


def test_what_is_wrong_is_named_in_one_run(whole: Sandbox) -> None:
    shutil.rmtree(whole.root / ".dvc")
    whole.paths.test_report.rename(whole.root / "aside")
    with whole.paths.params.open("a", encoding="utf-8") as file:
        file.write("seeed: 1\n")
    findings = found(whole, PREFECT_API_URL="http://127.0.0.1:9/api")
    wrong = {said.split()[0] for said, (state, _) in findings.items() if state == "wrong"}
    assert wrong == {"DVC", "servers", "params.yaml"}
    (noted,) = (remedy for said, (state, remedy) in findings.items() if state == "note")
    assert noted == "`git commit` what is to be proven"
