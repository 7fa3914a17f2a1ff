"""The ledger of a registered model: what was promoted, refused, rolled back and scored, kept in MLflow's registry.

It is a registered model of its own, `<name>.ledger`, whose version N holds entry N in a tag. MLflow numbers versions
atomically, on a database or through its server, so appending is a compare-and-swap: of two writers that saw the same
last entry, one gets the next number and the other learns that it lost. See `chain` for void entries.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finetrail.data.shown import for_markdown
from finetrail.errors import ConflictError
from finetrail.programs.git import Repository
from finetrail.registry.chain import Chain, Entry, Kind, broken, check
from finetrail.registry.heads import Heads
from finetrail.registry.signatures import SIGNATURE, Signatures
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import Tracker, insist

ENTRY = "finetrail.entry"
APPLIED = "finetrail.applied"
HEAD = "finetrail.ledger_head"
TRIES = 10
_PAGE = 1000


class LostRaceError(ConflictError):
    """Somebody else wrote the entry first."""


class Ledger:
    """The ledger of one registered model.

    Args:
        name: the registered model's.
        who: the writer; see `author`.
        heads: where its heads are kept outside of MLflow, if they are.
        signatures: signs entries, where that is set up.
    """

    def __init__(
        self,
        tracker: Tracker,
        name: str,
        who: str,
        heads: Heads | None = None,
        signatures: Signatures | None = None,
    ) -> None:
        self.tracker = tracker
        self.name = name
        self.who = who
        self.heads = heads
        self.signatures = signatures
        self._book = f"{name}.ledger"

    def read(self) -> Chain:
        """All entries, checked against the head that the registered model carries, and those that git's notes have.

        Raises:
            LedgerError: an entry is missing or altered.
            TrackingError: the registry does not answer.
        """
        # Read the heads first: entries written in the meantime only make the chain longer than they say.
        noted = self.heads.noted() if self.heads else []
        head = self.head()
        chain = check({number: tags.get(ENTRY) for number, tags in self._slots()}, head)
        if self.heads:
            self.heads.check(chain, noted)
        return chain

    def signers(self, chain: Chain) -> dict[int, str]:
        """Who signed each entry, as far as that can be checked here. Raises: LedgerError: a signature does not fit."""
        if self.signatures is None or self.signatures.allowed is None:
            return {}
        return self.signatures.check(
            chain, {number: tags[SIGNATURE] for number, tags in self._slots() if SIGNATURE in tags}
        )

    def head(self) -> str | None:
        """The head as the registered model carries it; None before the first entry."""
        with tracking_errors(self.tracker.uri), _missing_is_none():
            found: str | None = self.tracker.client.get_registered_model(self.name).tags.get(HEAD)
            return found
        return None

    def append(self, chain: Chain, kind: Kind, *, who: str | None = None, **rest: Any) -> Entry:
        """Write the next entry of a chain.

        Args:
            who: the author, if it is somebody else.
            rest: the entry's other fields.

        Raises:
            LostRaceError: somebody else wrote an entry first.
        """
        entry = chain.following(kind, datetime.now(UTC).isoformat(timespec="seconds"), who or self.who, **rest)
        signed = self.signatures.of(entry.text) if self.signatures else {}
        with tracking_errors(self.tracker.uri):
            if not chain.texts:
                self._create()
            created = self.tracker.client.create_model_version(
                self._book,
                # Points to no files: an address that MLflow accepts, with or without a server.
                f"finetrail-ledger:/{self.name}/{entry.number}",
                tags={ENTRY: entry.text, **signed},
                description=for_markdown(f"{entry.kind} by {entry.who}: {entry.verdict}")[:1000],
                await_creation_for=0,
            )
            number = int(created.version)
            if number != entry.number:
                void = f"void: somebody else wrote entry {entry.number} first"
                self.tracker.client.update_model_version(self._book, str(number), void)
                raise LostRaceError(f"somebody else changed the registry of {self.name!r} meanwhile; run again")
            after = Chain((*chain.texts, entry.text), (*chain.entries, entry))
            insist(lambda: self.tracker.client.set_registered_model_tag(self.name, HEAD, after.head))
        if self.heads:
            self.heads.note(after)
        return entry

    def enter(self, kind: Kind, **rest: Any) -> Entry:
        """Write an entry that stays true whatever others write: retry after a lost race."""
        for _ in range(TRIES):
            chain = self.read()
            try:
                return self.append(chain, kind, **rest)
            except LostRaceError:
                # The last entries may have been deleted: their numbers are never reused.
                if len(self.read().texts) == len(chain.texts):
                    raise broken(len(chain.texts) + 1, "it is missing") from None
        raise ConflictError(f"{TRIES} others wrote to the ledger of {self.name!r} first; run again")

    def applied(self, entry: Entry) -> bool:
        """Whether the aliases were moved as the entry says."""
        with tracking_errors(self.tracker.uri):
            return APPLIED in self.tracker.client.get_model_version(self._book, str(entry.number)).tags

    def mark_applied(self, entry: Entry) -> None:
        """Note that the aliases were moved as the entry says."""
        with tracking_errors(self.tracker.uri):
            number = str(entry.number)
            insist(lambda: self.tracker.client.set_model_version_tag(self._book, number, APPLIED, "yes"))

    def _slots(self) -> Iterator[tuple[int, dict[str, str]]]:
        token = None
        with tracking_errors(self.tracker.uri):
            while True:
                page = self.tracker.client.search_model_versions(
                    f"name = '{self._book}'", _PAGE, ["version_number ASC"], token
                )
                yield from ((int(one.version), dict(one.tags)) for one in page)
                token = page.token
                if not token:
                    return

    def _create(self) -> None:
        description = f"The ledger of {self.name}: version N is entry N. `finetrail history` reads it."
        for name, said in ((self.name, None), (self._book, description)):
            with _known_is_fine():
                self.tracker.client.create_registered_model(name, description=said)


def chain_of(tracker: Tracker, name: str) -> Chain:
    """The entries of a registered model's ledger, to read only. Raises: see `Ledger.read`."""
    return Ledger(tracker, name, who="").read()


def open_ledger(tracker: Tracker, name: str, root: Path) -> Ledger:
    """The ledger of a registered model as the user of a workspace writes it. Args: root: the workspace."""
    return Ledger(tracker, name, author(root), Heads(root, name, tracker.uri), Signatures(root))


def author(root: Path) -> str:
    """Who runs this: git's user in that folder, or the login name."""
    name, mail = (Repository(root).setting(key) for key in ("user.name", "user.email"))
    if name or mail:
        return f"{name} <{mail}>".strip() if mail else name
    try:
        return getpass.getuser()
    except OSError:  # a container's user may have no name
        return "unknown"


@contextmanager
def _missing_is_none() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


@contextmanager
def _known_is_fine() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
