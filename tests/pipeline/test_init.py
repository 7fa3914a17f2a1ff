"""`finetrail init`: from a file to rows that are ingested, validated and split, without a line of YAML."""

import csv
import shutil
from pathlib import Path

from finetrail.config import load_params
from finetrail.workspace import read_json
from tests.conftest import toy_rows
from tests.pipeline.workspaces import PARAMS, REPOSITORY, lay_out


def test_a_file_becomes_a_pipeline_that_runs(tmp_path: Path) -> None:
    (tmp_path / "workspace" / ".dvc").mkdir(parents=True)
    sandbox = lay_out(tmp_path / "workspace", PARAMS, {})
    shutil.copyfile(REPOSITORY / ".dvc" / "config", sandbox.root / ".dvc" / "config")
    shutil.copytree(REPOSITORY / "recipes", sandbox.root / "recipes")
    shutil.copyfile(REPOSITORY / "recipes" / "newsgroups.yaml", sandbox.paths.params)
    sandbox.must("git", "init", "--quiet")
    file = tmp_path / "My notes.csv"
    with file.open("w", encoding="utf-16", newline="") as opened:
        written = csv.writer(opened, delimiter=";")
        written.writerow(["nr", "words", "topic", "shelf"])
        written.writerows([n, row["text"], row["label"], n % 7] for n, row in enumerate(toy_rows()))

    wrong = sandbox.finetrail("init", str(file), "--label", "shelf")
    assert wrong.code == 0, wrong
    done = sandbox.finetrail("init", "data/input/My notes.csv")  # the params.yaml that it wrote itself gives way
    assert done.code == 0, done
    assert "  topic: label, 3 values" in done.out
    assert "copied" not in done.out
    assert (sandbox.root / "data" / "input" / "My notes.csv.dvc").exists()
    assert (load_params(sandbox.paths.params).project, load_params(sandbox.paths.params).source.columns.labels) == (
        "My-notes",
        ("topic",),
    )
    for stage in ("ingest", "validate", "split"):
        ran = sandbox.finetrail(stage)
        assert ran.code == 0, ran
    assert "test" in read_json(sandbox.paths.split_report)["rows"]
