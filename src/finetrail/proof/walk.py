"""The walk along a lineage: registered model, run, weights, splits, validation, raw data, source, commit."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from finetrail.errors import LineageError, TrackingError
from finetrail.locations import hub_revision, sha256_of
from finetrail.programs.git import Repository
from finetrail.proof import growth, registered
from finetrail.proof.copies import Copies
from finetrail.proof.links import Checked, broken, compare, ok, short, unreachable
from finetrail.proof.record import RUN_RECORD, Lineage, Link, fetched_package, hash_path
from finetrail.proof.verdicts import check_verdict
from finetrail.registry import sealed
from finetrail.registry.ledger import Ledger, open_ledger
from finetrail.registry.versions import Known
from finetrail.runs.tracking import Tracker
from finetrail.workspace import SPLITS, Workspace, read_json

SettingsOf = Callable[[Path, str, Mapping[str, str]], Mapping[str, str]]
"""Takes a params.yaml, a candidate's name and what its training recorded; returns what the training was given."""
_FETCH = "`git fetch`, then `dvc fetch --all-commits`, if a remote has it"


def walk(workspace: Workspace, tracker: Tracker, known: Known, settings_of: SettingsOf) -> Iterator[Checked]:
    """Check every link of a version, and recompute every hash that can be reached.

    Args:
        settings_of: reads a params.yaml.
    """
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace.scratch, prefix="verify-") as temporary:
        folder = Path(temporary)
        files = registered.find_files(tracker, known, folder / "version")
        if files is None:
            found = f"MLflow's store does not have the files of {known.address}"
            yield broken("registered weights", found, short(known.fingerprint), sealed.RESTORE)
            return
        checked, recorded = registered.read_lineage(known, files)
        yield from registered.check_files(known, files, recorded)
        yield checked
        if recorded is None:
            return
        yield registered.check_tags(known, recorded)
        yield registered.check_run(tracker, known, recorded)
        ledger = open_ledger(tracker, known.name, workspace.root)
        checked = registered.check_ledger(ledger, known, recorded)
        yield checked
        added, last = _grown(ledger, known, recorded) if checked.state != "BROKEN" else (None, recorded)
        if added is not None:
            yield added
        verdict = check_verdict(ledger, ledger.read(), known) if checked.state == "OK" else None
        if verdict is not None:
            yield verdict
        yield from _check_links(workspace, known, last)
        yield from _check_meaning(last)
        yield from _check_commit(workspace.root, last, folder, settings_of)


def _grown(ledger: Ledger, known: Known, recorded: Lineage) -> tuple[Checked | None, Lineage]:
    """What the ledger added to the lineage, if it did, and the lineage to go by."""
    try:
        last = growth.latest(ledger, ledger.read(), known)
    except TrackingError:
        return None, recorded  # said of the ledger already
    except LineageError as error:
        found, _, remedy = str(error).partition("; ")
        return broken("added lineage", found, "the file that the ledger names", remedy), recorded
    if last is None:
        return None, recorded
    return ok("added lineage", f"the same weights from commit {(last.commit or '')[:12]}, in the ledger"), last


def _check_links(workspace: Workspace, known: Known, recorded: Lineage) -> Iterator[Checked]:
    """Check what the stages made, and what they were given."""
    copies = Copies(workspace.root, recorded.commit)
    claims = _claims(workspace, known)
    for link in recorded.links:
        if link in recorded.in_git:
            continue
        if "://" in link.where or link.where == "random":
            yield _check_address(link)
        else:
            yield _check_path(workspace.root, link, copies, claims and not copies.pointer_moved(link.where))


def _claims(workspace: Workspace, known: Known) -> bool:
    """Whether the workspace says that its files are those of this version."""
    if not workspace.registration.exists():
        return False
    written = read_json(workspace.registration)
    return (written["name"], written["fingerprint"]) == (known.name, known.fingerprint)


def _check_path(root: Path, link: Link, copies: Copies, claimed: bool) -> Checked:
    if link.sha256 is None:
        return unreachable(link.name, f"{link.where} did not exist when the model was registered", "train it again")
    here = hash_path(root / link.where)
    if here == link.sha256:
        return ok(link.name, f"{short(here)} {link.where}")
    if here is not None and claimed and not (link.name == RUN_RECORD and copies.made_by_dvc(link.where, here)):
        remedy = f"it was edited since: `dvc checkout --force {link.where}` restores it, if DVC's cache has it"
        return compare(link.name, here, link.sha256, link.where, remedy)
    for copy in copies.of(link.where):
        if copy.sha256 == link.sha256:
            return ok(link.name, f"{short(copy.sha256)} {link.where}, in {copy.place}")
        if not copy.whole:
            remedy = "the cache is damaged: remove that object, then `dvc fetch`, or `dvc repro --force`"
            return compare(link.name, copy.sha256, link.sha256, f"{link.where}, in {copy.place}", remedy)
    stands = "is not here" if here is None else "was made again since" if claimed else "holds other data now"
    return unreachable(link.name, f"{link.where} {stands}, and DVC's cache has no copy of {short(link.sha256)}", _FETCH)


def _check_address(link: Link) -> Checked:
    """Check something that comes from elsewhere."""
    if link.where == "random":
        return ok(link.name, "random, from the seed")
    shown = link.where.partition("#")[0]
    if link.sha256 is None:
        revision = hub_revision(link.where)
        pinned = f"pinned to commit {revision}" if revision else "not pinned: its owner may change it"
        return unreachable(link.name, f"{shown} is {pinned}; its bytes are not hashed here", "see `raw data`")
    wheel = fetched_package(link.sha256)
    if wheel is None:
        return unreachable(link.name, f"{shown} is not on this machine", "`dvc repro --force ingest` fetches it")
    return compare(
        link.name,
        sha256_of(wheel),
        link.sha256,
        f"{shown}, as fetched",
        f"remove {wheel}; `dvc repro --force ingest` fetches it again",
    )


def _check_meaning(recorded: Lineage) -> Iterator[Checked]:
    """Check that the parts of the record agree."""
    remedy = "the record contradicts itself: train and register the model again"
    for data in recorded.datasets:
        split = next(link.sha256 for link in recorded.links if link.where == data["source"]) or ""
        name = f"{data['name']} {'split' if data['name'] in SPLITS else 'rows'} of the run"
        if split.startswith(data["digest"]):
            yield ok(name, f"digest {data['digest'][:16]} of {data['rows']} rows")
        else:
            yield broken(name, f"digest {data['digest'][:16]}", short(split), remedy)
    verdict = recorded.tags.get("finetrail.validation")
    if verdict is None:
        yield unreachable("validation result", "none was recorded", "train it again")
    elif verdict.startswith("passed"):
        yield ok("validation result", verdict)
    else:
        yield broken(
            "validation result", verdict, "passed", "correct the data, or the rules in params.yaml, and train it again"
        )


def _check_commit(root: Path, recorded: Lineage, folder: Path, settings_of: SettingsOf) -> Iterator[Checked]:
    git, commit = Repository(root), growth.commit_of(root, recorded)
    if commit is None:
        yield unreachable("commit", growth.why_none(recorded), growth.COMMIT_IT)
        return
    if not git.has(commit):
        yield unreachable("commit", *growth.why_missing(git, commit))
        return
    yield ok("commit", f"{commit}{', made after the model was registered' if recorded.dirty else ''}")
    remedy = "git holds other bytes than those that ran: somebody rewrote the record, or smudged the file"
    for link in recorded.in_git:
        name = link.name
        where = f"{link.where} at {commit[:12]}"
        found = growth.hash_at(git, commit, link)
        if found is None or link.sha256 is None:
            yield unreachable(name, f"{where} is not in git", growth.COMMIT_IT)
        else:
            yield compare(name, found, link.sha256, where, remedy)
    if (committed := git.show(commit, "params.yaml")) is not None:
        params = folder / "params.yaml"
        params.write_bytes(committed)
        # A setting that came later says nothing of a run before it.
        read = dict(settings_of(params, recorded.candidate, recorded.params))
        told = {name: value for name, value in read.items() if name in recorded.params}
        if told == recorded.params:
            yield ok("settings of the run", f"the {len(told)} of candidate {recorded.candidate!r} in params.yaml")
        else:
            name = next(key for key in sorted({*told, *recorded.params}) if told.get(key) != recorded.params.get(key))
            found = f"{name} is {told.get(name)!r} in params.yaml at {commit[:12]}"
            yield broken("settings of the run", found, repr(recorded.params.get(name)), "train it again")
