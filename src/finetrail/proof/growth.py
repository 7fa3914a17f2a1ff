"""A lineage that grows: what was registered before it was committed, and committed since, or made again.

The lineage.json in a version stays as it was registered. Git is searched for a commit that holds the bytes that ran;
and where `register` finds a version again, in a workspace that is committed, it stores the present lineage with the
version's run, and the ledger vouches for it.
"""

import hashlib
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from finetrail.errors import LineageError, TrackingError
from finetrail.locations import sha256_of
from finetrail.programs.git import Repository
from finetrail.proof.record import CODE, IN_GIT, NAME, Lineage, Link
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import Known, fetch
from finetrail.runs import hashes
from finetrail.workspace import read_json, write_json

_FOLDER = "lineage"
COMMIT_IT = "commit params.yaml, dvc.yaml, data/corrections.csv and the code as they ran, then `finetrail register`"
_COMMITS = 50
"""How many commits that changed dvc.lock are searched."""


def latest(ledger: Ledger, chain: Chain, known: Known) -> Lineage | None:
    """The last lineage that was added to a version; None if none was.

    Raises:
        LineageError: it is not what the ledger says.
    """
    entry = _entry(chain, known)
    if entry is None:
        return None
    with TemporaryDirectory() as folder:
        file = ledger.tracker.download(entry.facts["run_id"], _place(entry), folder)
        if file is None or sha256_of(file) != entry.facts["lineage_sha256"]:
            raise LineageError(
                f"the lineage that ledger entry {entry.number} added to {known.address} "
                f"{'is not in the store of MLflow' if file is None else 'was altered'}; restore MLflow's artifacts "
                "from a backup"
            )
        return Lineage.from_json(read_json(file))


def grow(ledger: Ledger, known: Known, now: Lineage) -> Entry | None:
    """Add the workspace's lineage to a version with the same weights, if it proves more than what is known of it.

    Raises:
        LineageError: what was added before is not what the ledger says.
    """
    if now.commit is None or now.dirty:
        return None
    with TemporaryDirectory() as folder:
        last = latest(ledger, ledger.read(), known) or _registered(ledger, known, Path(folder) / "version")
        if last is not None and not last.dirty and last.links == now.links:
            return None
        file = Path(folder) / NAME
        write_json(file, now.as_json())
        sha256 = sha256_of(file)
        file = file.rename(file.with_name(f"{sha256}.json"))
        ledger.tracker.upload(known.run_id, file, _FOLDER)
    return ledger.enter(
        "lineage",
        version=known.version,
        model=known.fingerprint,
        facts={"lineage_sha256": sha256, "run_id": known.run_id, "commit": now.commit},
        verdict=f"the same weights, from commit {now.commit[:12]}",
    )


def commit_of(root: Path, recorded: Lineage) -> str | None:
    """The commit that holds what ran: the recorded one if nothing was edited, or one made since with the same bytes."""
    if recorded.commit is not None and not recorded.dirty:
        return recorded.commit
    links = recorded.in_git
    if len(links) < len(IN_GIT):  # registered by hand
        return None
    git = Repository(root)
    for commit in dict.fromkeys([git.head, *git.commits_of("dvc.lock")[:_COMMITS]]):
        if commit and all(link.sha256 is not None and hash_at(git, commit, link) == link.sha256 for link in links):
            return commit
    return None


def why_missing(git: Repository, commit: str) -> tuple[str, str]:
    """Why a commit is not found, for people, and what to do. Git may refuse a checkout that belongs to another user."""
    said, _, remedy = git.refusal.partition(" To add an exception for this directory, call: ")
    if remedy:
        return f"git does not look for {commit[:12]}: {said}", f"`{remedy}`"
    return f"{commit} is not in this clone", "`git fetch --all`, or ask whoever trained it"


def why_none(recorded: Lineage) -> str:
    """Why there is no commit, for people."""
    if recorded.commit is None:
        return "the model was registered outside git, and no commit here holds what ran"
    return f"{recorded.commit[:12]} had uncommitted changes when the model was registered, and no commit here has them"


def hash_at(git: Repository, commit: str, link: Link) -> str | None:
    """The hash of what a link names, at a commit; None where it is not there."""
    if link.name == "code":
        code = git.files(commit, CODE)
        modules: dict[PurePath, str] = {
            path: _sha256(data) for path, data in (code or {}).items() if path.suffix == ".py"
        }
        return None if code is None else hashes.hash_files(modules)
    data = git.show(commit, link.where)
    return None if data is None else _sha256(data)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _registered(ledger: Ledger, known: Known, into: Path) -> Lineage | None:
    try:
        return Lineage.from_json(read_json(fetch(ledger.tracker, known, into, f"artifacts/{NAME}")))
    except TrackingError:  # registered by hand, or lost: `verify` says so
        return None


def _entry(chain: Chain, known: Known) -> Entry | None:
    added = (one for one in reversed(chain.entries) if (one.kind, one.model) == ("lineage", known.fingerprint))
    return next(added, None)


def _place(entry: Entry) -> str:
    return f"{_FOLDER}/{entry.facts['lineage_sha256']}.json"
