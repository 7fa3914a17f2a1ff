"""`dvc repro`: what the first run leaves behind, and what a later one runs again."""

import csv
import json
import shutil

from ruamel.yaml import YAML

from finetrail.workspace import SPLITS, read_json
from tests.pipeline.same import assert_same
from tests.pipeline.workspaces import CANDIDATES, CSV, WRITTEN, Outcome, Sandbox, contents

STAGES = ["ingest", "validate", "split", *(f"train@{name}" for name in CANDIDATES), "select", "test", "register"]


def test_first_run_runs_every_stage_once(first_run: Outcome, finished: Sandbox) -> None:
    assert finished.stages_of(first_run) == STAGES
    assert "239 ingested = 236 passed + 3 quarantined" in first_run.out
    assert "registered: models:/toy/1, also models:/toy@challenger" in first_run.out


def test_every_out_exists_and_git_sees_nothing_but_text(finished: Sandbox) -> None:
    lock = YAML(typ="safe").load((finished.root / "dvc.lock").read_text(encoding="utf-8"))
    outs = [out["path"] for stage in lock["stages"].values() for out in stage["outs"]]
    assert len(outs) == len(set(outs))
    assert {out.split("/")[1] for out in outs} == set(WRITTEN)
    assert [out for out in outs if not (finished.root / out).exists()] == []
    assert list(finished.root.rglob("*.partial")) == []
    assert finished.must("git", "status", "--porcelain") == ""
    tracked = finished.must("git", "ls-files", "data").split()
    assert all(name.endswith((".dvc", ".gitignore", "README.md", "corrections.csv")) for name in tracked), tracked


def test_every_row_is_counted(finished: Sandbox) -> None:
    with (finished.root / CSV).open(encoding="utf-8", newline="") as file:
        given = len(list(csv.DictReader(file)))
    validation = read_json(finished.paths.validation_report)["rows"]
    assert given == validation["ingested"] == validation["passed"] + validation["quarantined"]
    with finished.paths.quarantine.open(encoding="utf-8", newline="") as file:
        aside = list(csv.DictReader(file))
    assert [row["rules"] for row in aside] == ["duplicate", "duplicate", "empty_text"]

    report = read_json(finished.paths.split_report)
    used = {name: report["rows"][name] for name in SPLITS}
    assert validation["passed"] == sum(used.values()) + report["rows"]["quarantined_by_split"]
    with (finished.paths.splits / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == report["rows"]["quarantined_by_split"] == 2
    for name in SPLITS:
        import pyarrow.parquet as pq

        assert sum(pq.read_table(part).num_rows for part in finished.paths.split(name).iterdir()) == used[name]
        assert sum(report["label_counts"][name].values()) == used[name]


def test_the_trainings_give_what_was_recorded(finished: Sandbox) -> None:
    assert_same("toy", finished.paths)


def test_second_run_executes_nothing(finished: Sandbox) -> None:
    before = contents(finished.root / "data")
    again = finished.run("dvc", "repro")
    assert (again.code, finished.stages_of(again)) == (0, [])
    assert [stage for stage in STAGES if f"Stage '{stage}' didn't change, skipping" not in again.out] == []
    assert "Data and pipelines are up to date." in again.out
    assert contents(finished.root / "data") == before


def test_stages_by_hand_write_the_same_bytes_and_train_without_the_test_split(
    finished: Sandbox, by_hand: Sandbox
) -> None:
    """Every stage is a command that can be run alone, and a function of files: equal input, equal bytes."""
    before, after = contents(finished.root / "data"), contents(by_hand.root / "data")
    # Of a run only its id and what it measured (seconds, memory) may differ.
    records = {f"runs/{name}/run.json" for name in CANDIDATES}
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        *records,
        "reports/test/report.html",
        "registration.json",
    }
    report, again = ((one.paths.test_report / "report.html").read_text(encoding="utf-8") for one in (finished, by_hand))
    assert again.replace(_run_id(by_hand), _run_id(finished)) == report
    for name in records:
        assert (by_hand.root / "data" / name).exists()


def test_edited_code_concerns_only_the_stages_that_use_it(sandbox: Sandbox) -> None:
    for file in ("training/optim.py", "data/validation/data_docs.html", "stages/select.py", "runs/tracking.py"):
        module = sandbox.root / "src" / "finetrail" / file
        code = module.read_text(encoding="utf-8")
        module.unlink()
        module.write_text(code + "\n", encoding="utf-8")
    changed = json.loads(sandbox.must("dvc", "status", "--json"))
    because = {
        **dict.fromkeys(("ingest", "validate", "split"), "data"),
        **dict.fromkeys((f"train@{name}" for name in CANDIDATES), "training"),
        "select": "stages/select.py",
    }
    assert changed == {
        stage: [{"changed deps": {f"src/finetrail/{code}": "modified"}}] for stage, code in because.items()
    }


def test_a_new_row_goes_through(sandbox: Sandbox) -> None:
    with (sandbox.root / CSV).open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(["the storm took the mast while the fog was thick", "weather", "train"])
    done = sandbox.run("dvc", "repro", "split")  # also does the `dvc add` again
    assert done.code == 0, done.err
    assert f"{CSV}.dvc" in sandbox.must("git", "status", "--porcelain")
    assert sandbox.stages_of(done) == ["ingest", "validate", "split"]
    assert read_json(sandbox.paths.validation_report)["rows"]["ingested"] == 240
    assert json.loads(sandbox.must("dvc", "status", "--json")).keys() >= {f"train@{name}" for name in CANDIDATES}


def test_a_removed_candidate_leaves_nothing_that_a_clone_would_lack(sandbox: Sandbox) -> None:
    """DVC leaves its folders where they are, and `select` depends on the folder above: their bytes must not count."""
    sandbox.edit("candidates.lora", None)
    done = sandbox.run("dvc", "repro", "select")
    assert (done.code, sandbox.stages_of(done)) == (0, ["select"])
    ranking = read_json(sandbox.paths.selection_report)["ranking"]
    assert {one["candidate"] for one in ranking} == {"full"}
    for folder in (sandbox.paths.model("lora"), sandbox.paths.run("lora").root):
        shutil.rmtree(folder, ignore_errors=True)  # a clone would not get them
    assert json.loads(sandbox.must("dvc", "status", "--json", "select")) == {}


def test_a_failed_run_names_the_fault_and_checkout_restores_the_results(sandbox: Sandbox) -> None:
    before = contents(sandbox.root / "data")
    sandbox.edit("source.columns.text", "body")
    done = sandbox.run("dvc", "repro")
    assert done.code != 0
    assert "SourceError: toy.csv: no column 'body'; it has 'text', 'label', 'split'; set source.columns" in done.err
    assert "exited with 3" in done.err
    assert "Traceback" not in done.err
    sandbox.must("git", "checkout", "params.yaml")
    sandbox.must("dvc", "checkout")
    assert contents(sandbox.root / "data") == before
    assert sandbox.stages_of(sandbox.run("dvc", "repro")) == []


def _run_id(sandbox: Sandbox) -> str:
    run_id: str = read_json(sandbox.paths.run("full").record)["run_id"]
    return run_id
