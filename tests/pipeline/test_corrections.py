"""Corrections of labels, from the file to the ledger: applied by `ingest`, vouched for by the lineage."""

import json

import pytest

from finetrail.data.store.raw import read_manifest
from finetrail.data.store.shards import read_frame
from finetrail.workspace import read_json
from tests.pipeline.workspaces import CANDIDATES, Outcome, Sandbox

GONE = "0" * 16


@pytest.fixture(scope="module")
def corrected(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sandbox, Outcome, list[str]]:
    """The finished workspace with one candidate, registered; then a test row and a train row corrected, one dropped."""
    sandbox = finished.copy(tmp_path_factory.mktemp("corrected") / "workspace")
    for name in set(CANDIDATES) - {"lora"}:
        sandbox.edit(f"candidates.{name}", None)
    sandbox.must("git", "commit", "--quiet", "--all", "--message", "one candidate")
    return (sandbox, *_corrected(sandbox))


def _corrected(sandbox: Sandbox) -> tuple[Outcome, list[str]]:
    sandbox.must("dvc", "repro")
    rows = read_manifest(sandbox.paths.raw)
    ids = {}
    for split in ("test", "train"):
        (first, second) = read_frame(sandbox.paths.split(split))["id"].head(2)
        ids[split] = [first, second]
    labels = dict(zip(rows["id"], rows["label"], strict=True))
    other = {"cooking": "sailing", "sailing": "weather", "weather": "cooking"}
    decided = [ids["test"][0], ids["train"][0], ids["train"][1], GONE]
    lines = [
        f"{decided[0]},{other[labels[decided[0]]]},Ada,wrong topic",
        f"{decided[1]},{other[labels[decided[1]]]},Ada,wrong topic",
        f"{decided[2]},drop,Ada,spam",
        f"{GONE},sailing,Ada,of an earlier delivery",
    ]
    with sandbox.paths.corrections.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    sandbox.must("git", "commit", "--quiet", "--all", "--message", "corrections")
    done = sandbox.run("dvc", "repro")
    assert done.code == 0, done.err
    sandbox.must("git", "add", "--all")
    sandbox.must("git", "commit", "--quiet", "--message", "results")
    return done, decided


def test_ingest_applies_and_counts_each_line(corrected: tuple[Sandbox, Outcome, list[str]]) -> None:
    sandbox, done, (tested, trained, dropped, _) = corrected
    assert "corrections: 2 replaced, 1 dropped, 0 confirmed, 1 without a row\n" in done.out
    assert f"warning: the source has no row for these corrections: {GONE}; remove those that are obsolete\n" in done.out
    rows = {split: read_frame(sandbox.paths.split(split)).set_index("id")["label"] for split in ("train", "test")}
    decided = dict(line.split(",")[:2] for line in sandbox.paths.corrections.read_text().splitlines()[1:])
    assert rows["test"][tested] == decided[tested]
    assert rows["train"][trained] == decided[trained]
    assert dropped not in read_manifest(sandbox.paths.raw)["id"].tolist()
    report = read_json(sandbox.paths.validation_report)
    assert report["corrections"] == read_json(sandbox.paths.corrected)
    assert report["corrections"]["unknown"] == [GONE]


def test_a_corrected_test_row_makes_a_new_test_split_and_history_says_so(
    corrected: tuple[Sandbox, Outcome, list[str]],
) -> None:
    sandbox, _, _ = corrected
    said = sandbox.finetrail("history")
    assert said.code == 0, said.err
    scorings = [line for line in said.out.splitlines() if " scoring " in line]
    assert len(scorings) == 2
    assert " on test split " in scorings[0]
    assert " on new test split " in scorings[1]
    splits = [line.partition("test split ")[2].split(":")[0] for line in scorings]
    assert len(set(splits)) == 2


def test_the_lineage_holds_the_corrections_and_verify_checks_them(
    corrected: tuple[Sandbox, Outcome, list[str]],
) -> None:
    sandbox, _, _ = corrected
    done = sandbox.finetrail("verify")
    assert done.code == 0, done.err
    assert "OK           data/corrections.csv: sha256 " in done.out
    documents = (sandbox.root / ".finetrail").rglob("lineage.json")
    document = max(documents, key=lambda file: file.stat().st_mtime_ns)
    recorded = json.loads(document.read_text(encoding="utf-8"))
    assert recorded["tags"]["finetrail.corrections"] == "2 replaced, 1 dropped, 0 confirmed, 1 without a row"
    assert "data/corrections.csv" in [link["name"] for link in recorded["links"]]


def test_what_was_trained_on_corrected_labels_is_reproduced(corrected: tuple[Sandbox, Outcome, list[str]]) -> None:
    sandbox, _, _ = corrected
    done = sandbox.finetrail("reproduce")
    assert done.code == 0, done.err
    assert "corrections: 2 replaced, 1 dropped" in done.out
    assert "is reproduced exactly" in done.out


def test_a_bad_line_stops_ingest_in_one_line_and_leaves_the_data(plain: Sandbox) -> None:
    before = sorted((file.name, file.read_bytes()) for file in plain.paths.raw.iterdir())
    with plain.paths.corrections.open("a", encoding="utf-8") as file:
        file.write("0123456789abcdef,sailing,,\n")
    done = plain.finetrail("ingest")
    assert done.code == 3
    assert done.error == (
        "SourceError: data/corrections.csv, line 2 does not say who decided; write a name into column who"
    )
    assert sorted((file.name, file.read_bytes()) for file in plain.paths.raw.iterdir()) == before
    plain.paths.corrections.unlink()
    assert plain.finetrail("ingest").code == 0, "by hand it needs no file"
