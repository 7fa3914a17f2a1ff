"""`finetrail reproduce`: a registered version, trained again from a fresh clone of its commit, and compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finetrail.errors import LineageError, ReproductionError, WorkspaceError
from finetrail.programs.run import Say
from finetrail.proof import growth, registered
from finetrail.proof.comparison import Bits, Scored, compare_bits, compare_metrics
from finetrail.proof.rebuild import Rebuild, refuse_what_cannot_be_built
from finetrail.proof.record import Lineage, say_machine
from finetrail.proof.registered import Files
from finetrail.registry import sealed
from finetrail.registry.ledger import open_ledger
from finetrail.registry.versions import Known
from finetrail.runs import tracking
from finetrail.tasks.registry import task_of
from finetrail.workspace import Workspace, read_json


@dataclass(frozen=True)
class Reproduced:
    """A version and its rebuild.

    Attributes:
        machine: what the rebuild was trained on; the version's own is in `recorded`.
        scored: empty if the bits are the same: there is nothing left to compare.
    """

    known: Known
    recorded: Lineage
    machine: Mapping[str, str]
    bits: Bits
    scored: tuple[Scored, ...]

    @property
    def holds(self) -> bool:
        """Whether the comparison that decides holds."""
        return self.bits.same or (not self.bits_decide and all(one.holds for one in self.scored))

    @property
    def same_machine(self) -> bool:
        """Whether everything that the bits may depend on is the same, as far as it is known."""
        return dict(self.machine) == self.recorded.machine

    @property
    def bits_decide(self) -> bool:
        """Whether nothing excuses a difference of bits: a GPU adds in any order; kernels may be chosen by measuring."""
        content = task_of(self.recorded.params).content
        measured = content.measures_kernels and self.machine["precision"] == "bf16"
        return self.same_machine and "gpu" not in self.machine and not measured

    @property
    def lines(self) -> list[str]:
        """For people."""
        there, here = say_machine(self.recorded.machine), say_machine(self.machine)
        machines = f"trained again on the same: {here}" if self.same_machine else f"trained on {there}; again on {here}"
        return [machines, self.bits.line, *(one.line for one in self.scored), self.verdict]

    @property
    def verdict(self) -> str:
        """Which comparison was made, and what it found."""
        if self.bits.same:
            return f"compared bit for bit: {self.known.address} is reproduced exactly"
        if self.bits_decide:
            return (
                f"compared bit for bit: {self.known.address} is not what its commit and data produce on this hardware"
            )
        where = "on the same hardware" if self.same_machine else "on other hardware, threads or precision"
        what = "are as close as allowed" if self.holds else "are further apart than allowed"
        return (
            f"compared by validation metrics, because the bits differ ({where}): those of {self.known.address} and of "
            f"its rebuild {what}"
        )

    def insist(self, *, exact: bool) -> None:
        """Raises: ReproductionError: it is another model or, with `exact`, a single bit differs."""
        if not self.holds:
            raise ReproductionError(f"{self.known.address} is not what its commit and data produce: {self.bits.line}")
        if exact and not self.bits.same:
            raise ReproductionError(
                f"{self.known.address} is not reproduced bit for bit, which --exact asks for: {self.bits.line}"
            )

    def as_json(self) -> dict[str, Any]:
        """The content of the file that --json names."""
        return {
            "version": self.known.address,
            "fingerprint": self.known.fingerprint,
            "commit": self.recorded.commit,
            "candidate": self.recorded.candidate,
            "reproduced": self.holds,
            "compared": "bits" if self.bits.same else "metrics",
            "verdict": self.verdict,
            "trained_on": self.recorded.machine,
            "trained_again_on": dict(self.machine),
            "bits": self.bits.as_json(),
            "metrics": [asdict(one) | {"holds": one.holds} for one in self.scored],
        }


def reproduce(
    workspace: Workspace, tracker: tracking.Tracker, known: Known, *, tolerance: float, keep: Path | None, say: Say
) -> Reproduced:
    """Build a version again, and compare.

    Args:
        tolerance: see `compare_metrics`.
        keep: a folder for the clone, which is otherwise removed at the end.
        say: hears what happens, line by line.

    Raises:
        LineageError: the version's files or its commit are not what was recorded, or nothing was.
        ReproductionError: its data or splits come out different.
        WorkspaceError: git, DVC or a stage failed in the clone.
    """
    if keep is not None and keep.exists():
        raise WorkspaceError(f"{keep} already exists; name a new folder with --keep")
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace.scratch, prefix="reproduce-") as temporary:
        files, recorded = open_version(workspace.root, tracker, known, Path(temporary) / "version")
        commit = refuse_what_cannot_be_built(workspace.root, known.address, recorded)
        clone = (keep or Path(temporary) / "clone").absolute()
        say(f"candidate {recorded.candidate}, from a fresh clone of commit {commit}")
        built = Rebuild(workspace.root, clone, known.address, recorded, say).run(commit)
        return compare(known, files, recorded, built, tolerance)


def open_version(root: Path, tracker: tracking.Tracker, known: Known, into: Path) -> tuple[Files, Lineage]:
    """The registered files of a version, and its lineage as far as it has grown.

    Raises:
        LineageError: they are not what was registered, or it has no lineage.
    """
    files = registered.download(tracker, known, into)
    if files is None:
        raise LineageError(f"MLflow's store does not have the files of {known.address}; {sealed.RESTORE}")
    checked, recorded = registered.read_lineage(known, files)
    if recorded is None:
        raise LineageError(f"{known.address} cannot be rebuilt: {checked.found}; {checked.remedy}")
    for link in registered.check_files(known, files, recorded):
        if link.state == "BROKEN":
            raise LineageError(
                f"{link.name} of {known.address}: found {link.found}, expected {link.expected}; {link.remedy}"
            )
    ledger = open_ledger(tracker, known.name, root)
    return files, growth.latest(ledger, ledger.read(), known) or recorded


def compare(known: Known, files: Files, recorded: Lineage, built: Workspace, tolerance: float) -> Reproduced:
    """Compare a version with its rebuild: bit for bit, or else by the validation metrics of both."""
    if files.model is None:
        raise LineageError(f"{known.address} holds no model; {sealed.RESTORE}")
    bits = compare_bits(files.model, built.model(recorded.candidate))
    scored: tuple[Scored, ...] = ()
    if not bits.same:
        scored = compare_metrics(files.root, files.model, built, recorded.candidate, tolerance=tolerance)
    machine = read_json(built.run(recorded.candidate).record)["machine"]
    return Reproduced(known, recorded, machine, bits, scored)
