"""`finetrail verify`: whole as it was registered; then each link broken in turn, by a real edit, and found."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json, write_json
from tests.pipeline.workspaces import CSV, WEIGHTS, Outcome, Sandbox

Link = dict[str, str]
RUN = "(SELECT run_id FROM model_versions WHERE name = 'toy')"


@dataclass(frozen=True)
class Trail:
    """A workspace with a registered version."""

    sandbox: Sandbox

    @property
    def database(self) -> Path:
        return Path(tracking_uri(self.sandbox.paths).removeprefix("sqlite:///"))

    @property
    def registered(self) -> Path:
        """The folder of the registered files."""
        (document,) = (self.sandbox.root / ".finetrail").rglob("lineage.json")
        return document.parents[1]

    def look(self, *arguments: str) -> tuple[Outcome, dict[str, Link]]:
        """Run `finetrail verify`; returns its end, and its links by name."""
        report = self.sandbox.root / "verified.json"
        done = self.sandbox.finetrail("verify", "--json", str(report), *arguments)
        links = read_json(report)["links"]
        report.unlink()
        return done, {link["name"]: link for link in links}

    def caught(self, name: str, *others: str) -> Link:
        """The broken link, which must be the only one but for `others`, of a run that must have failed for it."""
        done, links = self.look()
        broken = {link["name"] for link in links.values() if link["state"] == "BROKEN"}
        assert broken == {name, *others}, done.out
        assert done.code == 11
        assert done.error.startswith("LineageError: models:/toy/1 does not lead back to its data: ")
        assert f"BROKEN       {name}: " in done.out
        assert links[name]["remedy"]
        return links[name]


@pytest.fixture(scope="module")
def trail(registered: Sandbox) -> Trail:
    """A clone of the first run that tested and registered the model for itself, at the commit with dvc.lock."""
    return Trail(registered)


@contextmanager
def edited(path: Path, change: Callable[[bytes], bytes] = lambda data: data + b"\n") -> Iterator[None]:
    """A file as somebody left it who edited it; put back afterwards."""
    before = path.read_bytes()
    path.unlink()  # a link to DVC's cache is one no more
    path.write_bytes(change(before))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(before)


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """A file or folder that is not there; put back afterwards."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@contextmanager
def altered(database: Path, table: str, column: str, where: str, value: Any) -> Iterator[None]:
    """A value in MLflow's database, as somebody set it by hand; put back afterwards."""
    with closing(sqlite3.connect(database)) as connection:
        ((row, before),) = connection.execute(f"SELECT rowid, {column} FROM {table} WHERE {where}").fetchall()  # noqa: S608

        def put(one: Any) -> None:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (one, row))  # noqa: S608
            connection.commit()

        put(value)
        try:
            yield
        finally:
            put(before)


def flipped(data: bytes) -> bytes:
    """One bit of the last byte."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_every_link_holds_as_it_was_registered(trail: Trail) -> None:
    done, links = trail.look("--strict")
    assert (done.code, done.err) == (0, "")
    assert {link["state"] for link in links.values()} == {"OK"}
    assert done.out.splitlines()[0].startswith("models:/toy/1, the version of this workspace, fingerprint ")
    assert (
        done.out.splitlines()[-1] == f"{len(links)} links: {len(links)} hold, 0 broken, 0 cannot be reached from here"
    )
    assert set(links) >= {"registered weights", "run", "test split", "data validation", "raw data", "source"}
    assert set(links) >= {"commit", "params.yaml", "requirements.lock", "code"}


@pytest.mark.parametrize("version", ["1", "challenger", "models:/toy/1", "models:/toy@challenger"])
def test_a_version_is_named_by_number_alias_or_address(trail: Trail, version: str) -> None:
    assert trail.look(version)[0].out.splitlines()[0].startswith("models:/toy/1, ")


NAMES = "write a number, an alias, a candidate, or models:/NAME@ALIAS"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("models:/toy", f"ConfigError: 'models:/toy' is not a model address; {NAMES}"),
        ("7", "RefusedError: 'toy' has no version '7'; it has 1, challenger"),
    ],
)
def test_what_is_no_version(trail: Trail, version: str, message: str) -> None:
    assert trail.sandbox.finetrail("verify", version).error == message


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("weights", "data/models/full/model.safetensors"),
        ("run record", "data/runs/full/run.json"),
        ("validation scores", "data/runs/full/details.json"),
        ("selection", "data/selection/selection.json"),
        ("test scores", "data/reports/test/details.json"),
        ("test answers", "data/reports/test/predictions.parquet"),
        ("train split", "data/splits/train/part-00000.parquet"),
        ("val split", "data/splits/val/part-00000.parquet"),
        ("test split", "data/splits/test/part-00000.parquet"),
        ("split report", "data/splits/split.json"),
        ("data validation", "data/reports/validation/validation.json"),
        ("quarantine", "data/reports/validation/quarantine.csv"),
        ("raw data", "data/raw/part-00000.parquet"),
        ("source", CSV),
        ("pretrained weights", f"{WEIGHTS}/model.safetensors"),
    ],
)
def test_an_edited_file_is_found(trail: Trail, name: str, path: str) -> None:
    with edited(trail.sandbox.root / path, flipped):
        link = trail.caught(name)
    assert "dvc checkout --force data/" in link["remedy"]
    assert link["expected"].startswith("sha256 ")
    assert link["found"].startswith("sha256 ")


def test_edited_registered_weights_are_found(trail: Trail) -> None:
    with edited(trail.registered / "artifacts" / "full" / "model.safetensors", flipped):
        link = trail.caught("registered weights", "registered files")
        refused = trail.sandbox.finetrail("reproduce")
    altered_file = "found artifacts/full/model.safetensors was altered, expected those that lineage.json lists"
    assert refused.error.startswith(f"LineageError: registered files of models:/toy/1: {altered_file}")
    assert link["remedy"].endswith("from a backup, or register the model again with `finetrail register`")


def test_edited_registered_code_is_found(trail: Trail) -> None:
    with edited(trail.registered / "code" / "finetrail" / "serving" / "answer.py"):
        trail.caught("registered code", "registered files")


@pytest.mark.parametrize("how", ["edited", "gone"])
def test_an_edited_record_is_found(trail: Trail, how: str) -> None:
    document = trail.registered / "artifacts" / "lineage.json"
    with edited(document) if how == "edited" else gone(document):
        if how == "gone":
            done, links = trail.look()
            assert (done.code, links["lineage"]["state"]) == (11, "BROKEN")
        else:
            trail.caught("lineage")


def test_registered_files_that_are_gone_are_found(trail: Trail) -> None:
    with gone(trail.registered):
        done, links = trail.look()
    assert done.code == 11
    assert links["registered weights"]["found"] == "MLflow's store does not have the files of models:/toy/1"


@pytest.mark.parametrize(
    ("name", "table", "column", "where", "value"),
    [
        ("tags", "model_version_tags", "value", "key = 'finetrail.data_sha256'", "0" * 64),
        ("tags", "model_version_tags", "value", "key = 'mlflow.source.git.commit'", "0" * 40),
        ("lineage", "model_version_tags", "value", "key = 'finetrail.lineage_sha256'", "0" * 64),
        ("run", "params", "value", f"key = 'train.epochs' AND run_uuid = {RUN}", "30"),
        ("run", "latest_metrics", "value", "key = 'test_macro_f1'", 0.999),
        ("run", "datasets", "digest", "name = 'train'", "0" * 36),
        ("run", "runs", "lifecycle_stage", f"run_uuid = {RUN}", "deleted"),
        ("run", "model_versions", "run_id", "name = 'toy'", "0" * 32),
    ],
)
def test_an_edited_database_is_found(  # noqa: PLR0917
    trail: Trail, name: str, table: str, column: str, where: str, value: Any
) -> None:
    with altered(trail.database, table, column, where, value):
        trail.caught(name)


def test_an_edited_ledger_is_found(trail: Trail) -> None:
    where = "name = 'toy.ledger' AND key = 'finetrail.entry' AND value LIKE '%\"kind\":\"scoring\"%'"
    with closing(sqlite3.connect(trail.database)) as connection:
        (text,) = connection.execute(f"SELECT value FROM model_version_tags WHERE {where}").fetchone()  # noqa: S608
    entry = json.loads(text)
    forged = text.replace(entry["facts"]["answers_sha256"], "0" * 64)
    with altered(trail.database, "model_version_tags", "value", where, forged):
        assert "altered" in trail.caught("ledger")["found"]


def test_weights_and_fingerprint_exchanged_together_are_found(trail: Trail) -> None:
    """Who replaces the model and the tag that names it has still to answer to lineage.json."""
    from finetrail.runs.hashes import hash_folder

    model = trail.registered / "artifacts" / "full"
    with edited(model / "model.safetensors", flipped):
        where = "name = 'toy' AND key = 'finetrail.fingerprint'"
        with altered(trail.database, "model_version_tags", "value", where, hash_folder(model)):
            done, links = trail.look()
    assert done.code == 11
    assert (links["registered weights"]["state"], links["fingerprint"]["state"]) == ("OK", "BROKEN")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("params.yaml", "params.yaml"),
        ("requirements.lock", "requirements.lock"),
        ("dvc.yaml", "dvc.yaml"),
        ("code", "src/finetrail/serving/answer.py"),
    ],
)
def test_a_commit_with_other_files_is_found(trail: Trail, name: str, path: str) -> None:
    """git itself answers for another tree: as after a rewritten history under the same name (`git replace`)."""
    root, git = trail.sandbox.root, trail.sandbox.must
    commit = git("git", "rev-parse", "HEAD").strip()
    with edited(root / path, lambda data: data + b"# edited\n"):
        git("git", "add", path)
        tree = git("git", "write-tree").strip()
        other = git("git", "commit-tree", tree, "-m", "other").strip()
        git("git", "replace", commit, other)
    try:
        git("git", "add", path)
        trail.caught(name)
    finally:
        git("git", "replace", "--delete", commit)


def test_what_is_not_here_is_unreachable_and_no_failure_unless_it_is_asked_for(trail: Trail, tmp_path: Path) -> None:
    """A clone of the first commit alone, without data and without DVC's cache."""
    root = trail.sandbox.root
    first = trail.sandbox.must("git", "rev-list", "--max-parents=0", "HEAD").strip()
    clone = Sandbox(tmp_path / "clone")
    trail.sandbox.must("git", "init", "--quiet", str(clone.root))
    clone.must("git", "fetch", "--quiet", "--depth=1", f"file://{root}", first)
    clone.must("git", "checkout", "--quiet", "FETCH_HEAD")
    report = tmp_path / "report.json"
    address = tracking_uri(trail.sandbox.paths)
    done = clone.finetrail("verify", "--json", str(report), MLFLOW_TRACKING_URI=address)
    assert (done.code, done.err) == (0, "")
    links = {link["name"]: link for link in read_json(report)["links"]}
    assert {link["state"] for link in links.values()} == {"OK", "UNREACHABLE"}
    for name in ("raw data", "test split", "source", "commit"):
        assert links[name]["state"] == "UNREACHABLE"
        assert links[name]["remedy"]
    assert "is not in this clone" in links["commit"]["found"]
    assert links["registered weights"]["state"] == "OK"
    done = clone.finetrail("verify", "--strict", MLFLOW_TRACKING_URI=address)
    assert done.code == 11
    assert done.error.startswith("LineageError: models:/toy/1 cannot be followed back from here: ")


def test_a_workspace_that_has_moved_on_is_no_broken_link(trail: Trail) -> None:
    """Other results lie in the workspace now; those of the version are in DVC's cache, under the names in git."""
    written = trail.sandbox.paths.registration
    with (
        edited(written),
        edited(trail.sandbox.paths.raw / "part-00000.parquet"),
        gone(trail.sandbox.paths.split("train")),
    ):
        write_json(written, read_json(written) | {"fingerprint": "0" * 64})
        done, links = trail.look("--strict")
        assert done.code == 0, done.out
        for name in ("raw data", "train split"):
            assert ", in DVC's cache, as dvc.lock" in links[name]["found"]
        cache = trail.sandbox.root / ".dvc" / "cache"
        with gone(cache):
            done, links = trail.look()
            assert (done.code, links["raw data"]["state"]) == (0, "UNREACHABLE")
            assert "holds other data now" in links["raw data"]["found"]
            assert "is not here" in links["train split"]["found"]


def test_a_damaged_cache_is_found(trail: Trail) -> None:
    lock = (trail.sandbox.root / "dvc.lock").read_text(encoding="utf-8")
    md5 = lock.split("path: data/splits/split.json", 1)[1].split(" md5: ", 1)[1].split("\n", 1)[0]
    damaged = trail.sandbox.root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    with gone(trail.sandbox.paths.split_report):
        before = damaged.read_bytes()
        damaged.chmod(0o644)
        damaged.write_bytes(before + b" ")
        try:
            assert "remove that object" in trail.caught("split report")["remedy"]
        finally:
            damaged.write_bytes(before)


def test_a_version_without_a_record_says_so(trail: Trail) -> None:
    where = "name = 'toy' AND key = 'finetrail.lineage_sha256'"
    with altered(trail.database, "model_version_tags", "key", where, "elsewhere"):
        done, links = trail.look()
    assert (done.code, links["lineage"]["state"]) == (0, "UNREACHABLE")
    assert "registered by an earlier finetrail" in links["lineage"]["remedy"]


def test_a_dirty_tree_is_told(by_hand: Sandbox) -> None:
    trail = Trail(by_hand)
    done, links = trail.look()
    assert done.code == 0
    assert links["commit"]["state"] == "UNREACHABLE"
    assert "had uncommitted changes" in links["commit"]["found"]
    refused = by_hand.finetrail("reproduce")
    assert (refused.code, refused.error.split(":")[:3]) == (
        11,
        ["LineageError", " models", "/toy/1 cannot be built again"],
    )
    with gone(by_hand.root / ".git"):
        assert "no commit here has them" in trail.look()[1]["commit"]["found"]
