"""`finetrail init`: from a file to rows that are ingested, validated and split, without a line of YAML."""

import csv
import re
import shlex
import shutil
from pathlib import Path

from finetrail.config import load_params
from finetrail.workspace import read_json
from tests.conftest import toy_rows, write_csv
from tests.pipeline.workspaces import PARAMS, REPOSITORY, WEIGHTS, Sandbox, lay_out


def test_a_file_becomes_a_pipeline_that_runs(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    sandbox = lay_out(tmp_path / "workspace", PARAMS, {})
    _as_cloned(sandbox)
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


def test_a_table_with_two_labels_becomes_a_pipeline_that_learns_both(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    sandbox = lay_out(tmp_path / "workspace", PARAMS, {})
    _as_cloned(sandbox)
    file = tmp_path / "notes.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        written = csv.writer(opened)
        written.writerow(["words", "topic", "reading time"])
        written.writerows(
            [row["text"], row["label"], len(row["text"]) / 7 if n % 5 else ""] for n, row in enumerate(toy_rows())
        )

    done = sandbox.finetrail("init", str(file), "--label", "topic", "--label", "reading time")
    assert done.code == 0, done
    assert "  topic: label, as you said, 3 values" in done.out
    assert "  reading time: label, as you said, numeric" in done.out
    assert "learnt at once: topic (single_label_classification), reading_time (regression)" in done.out
    assert "params.yaml is for text-multi-target, from the recipe own-targets" in done.out
    for stage in ("check", "ingest", "validate", "split"):
        ran = sandbox.finetrail(stage)
        assert ran.code == 0, ran
    rows = read_json(sandbox.paths.split_report)["rows"]
    assert min(rows["train"], rows["val"], rows["test"]) > 20


def test_what_the_readme_says_of_your_own_data_the_gate_and_lineage_works_in_this_order(
    tmp_path: Path, tiny_bert: Path
) -> None:
    """With few rows and a tiny backbone."""
    (tmp_path / "workspace").mkdir()
    sandbox = lay_out(tmp_path / "workspace", PARAMS, {}, fresh=True)
    _as_cloned(sandbox)
    shutil.copytree(tiny_bert, sandbox.root / WEIGHTS)
    recipe = sandbox.root / "recipes" / "own-table.yaml"
    recipe.write_text(re.sub(r"(  weights:).*", rf"\1 {WEIGHTS}", recipe.read_text(encoding="utf-8")), encoding="utf-8")
    sandbox.must("dvc", "add", "--quiet", WEIGHTS)
    write_csv(tmp_path / "Downloads" / "reviews.csv", toy_rows())
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    own = readme[readme.index("## Your own data") : readme.index("## Crash recovery")]
    lines = [line.partition("#")[0] for line in re.findall(r"^\$ (.+)$", own, re.MULTILINE)]
    commands = [shlex.split(one) for line in lines for one in line.split("&&")]
    assert len(commands) == 12
    for command, *words in commands:
        if command == ".":
            continue  # the environment is that of these tests
        # Without a shell, which adds to the environment: then no stage could be forked from the tests' server.
        found = [word.replace("~", str(tmp_path)) for word in words]
        done = sandbox.finetrail(*found) if command == "finetrail" else sandbox.run(command, *found)
        if words == ["rollback"]:  # there has been one champion only
            assert done.code == 9, done
            assert "no previous champion to go back to" in done.err
        else:
            assert done.code == 0, (command, words, done)
    assert "is reproduced exactly" in done.out


def _as_cloned(sandbox: Sandbox) -> None:
    """As a clone of the repository is: with its recipes, its DVC and the default params.yaml, all committed."""
    (sandbox.root / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore"):
        shutil.copyfile(REPOSITORY / name, sandbox.root / name)
    shutil.copytree(REPOSITORY / "recipes", sandbox.root / "recipes")
    shutil.copyfile(REPOSITORY / "recipes" / "newsgroups.yaml", sandbox.paths.params)
    sandbox.must("git", "init", "--quiet")
    sandbox.must("git", "add", "--all")
    sandbox.must("git", "config", "user.name", "A")
    sandbox.must("git", "config", "user.email", "a@example.org")
    sandbox.must("git", "commit", "--quiet", "--message", "cloned")
