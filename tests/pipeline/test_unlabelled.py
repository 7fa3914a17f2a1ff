"""Rows without labels: from a file beside the labelled rows to a registered model that learnt from them.

It is a student, whose teacher answered them; the candidate beside it, which aligns features with theirs, hardly trains.
"""

from pathlib import Path

import pandas as pd
import pytest

from finetrail.runs.hashes import hash_folder
from finetrail.workspace import read_json
from tests.conftest import toy_rows
from tests.pipeline.workspaces import Sandbox

FILE, TEACHER = "data/input/other.csv", "data/weights/full"


@pytest.fixture(scope="module")
def aligned(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The finished workspace, with texts of another domain and two candidates, after `dvc repro`. Read only."""
    sandbox = finished.copy(tmp_path_factory.mktemp("aligned") / "workspace")
    labelled = toy_rows()[0]["text"]
    texts = [f"{' '.join(reversed(row['text'].split()))} again" for row in toy_rows()[:60]]
    pd.DataFrame({"text": [labelled, *texts, texts[0], None], "label": "never read"}).to_csv(
        sandbox.root / FILE, index=False
    )
    for name in sandbox.candidates():
        sandbox.edit(f"candidates.{name}", None)
    asked = {
        "dann": {"auxiliary": {"method": "dann", "rows": "other"}, "train": {"epochs": 1, "learning_rate": 1e-6}},
        "student": {
            "distillation": {"teacher": TEACHER, "rows": "other", "start": "teacher"},
            "train": {"epochs": 2, "learning_rate": 4e-3},
        },
    }
    sandbox.edit("candidates", {name: {"adaptation": {"method": "full"}} | one for name, one in asked.items()})
    sandbox.edit("unlabelled", {"other": {"path": FILE}})
    sandbox.edit("selection.validator", {"method": "weighted", "rows": "other"})
    sandbox.edit("assess", {"shift": {"rows": "other", "permutations": 99}})
    sandbox.must("finetrail", "export", TEACHER, "--model", "data/models/full", "--format", "finetrail")
    for command in (
        f"dvc add --quiet {FILE} {TEACHER}",
        "git add --all",
        "git commit --quiet --message aligned",
        "dvc repro",
    ):
        sandbox.must(*command.split())
    return sandbox


def test_what_is_labelled_too_is_left_out_and_told(aligned: Sandbox) -> None:
    told = read_json(aligned.paths.unlabelled("other") / "unlabelled.json")
    assert told["ingested"] == 63
    assert told["aside"] == {"missing_text": 1, "near to a labelled row": 1, "repeats an earlier row": 1}
    assert told["kept"] == 60
    left_out = pd.read_csv(aligned.paths.unlabelled("other") / "quarantine.csv")
    assert left_out["row"].tolist() == [1, 62, 63]


def test_the_lineage_leads_to_the_rows_without_labels(aligned: Sandbox) -> None:
    record = read_json(aligned.paths.run("dann").record)
    own = next(one for one in record["datasets"] if one["name"] == "unlabelled")
    assert (own["rows"], own["source"]) == ("60", "data/unlabelled/other")
    assert record["params"]["auxiliary.method"] == "dann"
    said = aligned.finetrail("verify", "1")
    assert "unlabelled rows" in said.out
    assert "BROKEN" not in said.out, said.out


def test_the_lineage_leads_to_the_teacher(aligned: Sandbox, finished: Sandbox, tmp_path: Path) -> None:
    """Whose hash is that of the model that it was exported from."""
    record = read_json(aligned.paths.run("student").record)
    expected = hash_folder(finished.paths.model("full"))
    assert (record["params"]["distillation.teacher"], record["tags"]["finetrail.teacher_sha256"]) == (TEACHER, expected)
    assert f"{expected[:12]}" in aligned.finetrail("verify", "1").out
    sandbox = aligned.twin(tmp_path / "workspace")
    with (sandbox.root / TEACHER / "model.json").open("a") as file:
        file.write("\n")
    said = sandbox.finetrail("verify", "1").out
    assert "BROKEN" in said, said


def test_the_shift_is_told(aligned: Sandbox) -> None:
    found = read_json(aligned.paths.assessment("shift") / "shift.json")
    assert found["compared"][1] == 60
    before = found["backbones"][0]  # each of these texts ends with "again"
    assert before["auc"] > before["auc_by_chance"][1]
    assert before["auc_p"] == 0.01


def test_the_choice_is_made_without_a_label_of_the_other_domain(aligned: Sandbox) -> None:
    """Whose validator reads what any of them does: both sides, their features and the answers."""
    chosen = read_json(aligned.paths.selection_report)
    assert chosen["by"] == "weighted on other"
    scores = {one["candidate"]: one["validated"] for one in chosen["ranking"]}
    assert chosen["chosen"] == max(scores, key=lambda name: scores[name]) == "student"  # dann hardly trains
    assert "it reads no label of 'other'" in chosen["reason"]
    assert "<code>weighted on other</code>" in (aligned.paths.test_report / "report.html").read_text(encoding="utf-8")


def test_a_set_that_is_not_there_is_refused(aligned: Sandbox, tmp_path: Path) -> None:
    sandbox = aligned.copy(tmp_path / "workspace")
    sandbox.edit("candidates.dann.auxiliary.rows", "others")
    assert "auxiliary.rows is 'others', which section unlabelled does not have; use one of other" in (
        sandbox.run("finetrail", "check").error
    )
    sandbox.edit("candidates.dann.auxiliary.rows", "other")
    assert sandbox.run("finetrail", "check").code == 0
