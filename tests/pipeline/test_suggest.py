"""`finetrail suggest` on tiny weights: measured candidates, for the rows of a workspace or a bare file."""

import csv
import shutil

from finetrail.config import load_params
from tests.conftest import toy_rows
from tests.pipeline.workspaces import PARAMS, REPOSITORY, WEIGHTS, Sandbox, contents

METHODS = ["linear_probe", "lora", "full"]


def test_a_diff_is_shown_and_nothing_written(plain: Sandbox) -> None:
    shutil.rmtree(plain.paths.split("test"))  # which nothing here may read
    plain.edit("candidates.full", None)
    before = contents(plain.root, ".finetrail")
    done = plain.finetrail("suggest", "--diff", "--minutes", "5")
    assert done.code == 0, done
    assert contents(plain.root, ".finetrail") == before
    lines = done.out.splitlines()
    assert lines[0].startswith("measuring on ")
    said = {line.split()[0]: line for line in lines if line.startswith(tuple(f"{name} " for name in METHODS))}
    assert [*said] == METHODS
    assert all("rises above" in line for line in said.values()), said
    assert "+  full:" in lines
    assert "--- params.yaml" in lines
    assert any(line.startswith("+    search: {budget: {trials: ") for line in lines)


def test_columns_are_named_for_a_file_alone(plain: Sandbox) -> None:
    done = plain.finetrail("suggest", "--diff", "--label", "topic")
    assert "--text and --label are for a file; of this workspace, source.columns names them" in done.error


def test_a_bare_file_becomes_a_workspace(plain: Sandbox) -> None:
    recipe = (REPOSITORY / "recipes" / "own-table.yaml").read_text(encoding="utf-8")
    pinned = next(line for line in recipe.splitlines() if line.strip().startswith("weights:"))
    (plain.root / "recipes").mkdir()
    (plain.root / "recipes" / "own-table.yaml").write_text(recipe.replace(pinned, f"  weights: {WEIGHTS}"))
    (plain.root / "recipes" / "toy.yaml").write_text(PARAMS.lstrip())  # so that params.yaml has no edits
    file = plain.root.parent / "My notes.csv"
    with file.open("w", encoding="utf-8", newline="") as written:
        rows = csv.writer(written)
        rows.writerow(["number", "topic", "words"])
        rows.writerows([number, row["label"], row["text"]] for number, row in enumerate(toy_rows()))
    splits = contents(plain.paths.splits)

    done = plain.finetrail("suggest", str(file), "--minutes", "5")
    assert done.code == 0, done
    assert "text is 'words'" in done.out.splitlines()[0]
    assert "label is 'topic' (3 distinct values" in done.out.splitlines()[0]
    assert "was copied to data/input/My notes.csv; run `dvc add 'data/input/My notes.csv'`" in done.out
    assert (plain.root / "data" / "input" / "My notes.csv").read_bytes() == file.read_bytes()
    assert contents(plain.paths.splits) == splits

    assert plain.finetrail("check").out.splitlines() == [
        "params.yaml is valid: text-classification, candidates linear_probe, lora, full"
    ]
    params = load_params(plain.paths.params)
    assert (params.project, params.source.path) == ("My-notes", "data/input/My notes.csv")
    assert params.candidates["lora"].search is not None

    again = plain.finetrail("suggest", str(file))
    assert "params.yaml has edits that `suggest` would overwrite" in again.error
