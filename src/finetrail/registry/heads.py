"""The heads of ledgers outside of MLflow, in the notes of git: who writes to MLflow alone cannot take an entry back.

Notes travel with the repository (`git push origin refs/notes/finetrail`), are no commit of anybody's branch, and leave
the files of the workspace as they are: a tracked file would make each promotion an edit, and each model's tree dirty.
"""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from finetrail.errors import LedgerError
from finetrail.programs.git import Repository
from finetrail.redaction import without_secrets
from finetrail.registry.chain import Chain, hash_text

REF = "finetrail"
"""The notes are in refs/notes/finetrail."""
TRIES = 5
"""How often a note is written again, if another process writes one at that moment."""
_KEYS = {"ledger", "registry", "first", "head"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heads:
    """The heads that were noted of one ledger.

    Args:
        root: a folder in the repository.
        name: of the registered model.
        uri: of its registry. Another clone may have another ledger of the same name.
    """

    root: Path
    name: str
    uri: str

    def noted(self) -> list[dict[str, str]]:
        """All heads of this registry's ledgers of that name: `ledger`, `registry`, `first` and `head` of each.

        Raises:
            LedgerError: a note holds something else.
        """
        found = map(_read, Repository(self.root).notes(REF))
        return [one for one in found if (one["ledger"], one["registry"]) == (self.name, self._registry)]

    def check(self, chain: Chain, noted: list[dict[str, str]]) -> None:
        """Compare a chain with the heads that were noted before it was read.

        Raises:
            LedgerError: an entry that was noted is missing or altered.
        """
        for one in noted:
            if chain.texts and one["first"] == first_of(chain):
                chain.hold_against(one["head"])

    def note(self, chain: Chain) -> None:
        """Note the head of a chain; without a repository that has a commit, nothing."""
        git = Repository(self.root)
        if not git.head:
            return
        line = {"ledger": self.name, "registry": self._registry, "first": first_of(chain), "head": chain.head}
        for _ in range(TRIES):
            if git.note(REF, json.dumps(line, sort_keys=True)):
                return
            time.sleep(0.1)  # another process writes a note
        log.warning("git did not take the note of the ledger's head %s; keep it elsewhere", chain.head)

    @property
    def _registry(self) -> str:
        return hash_text(without_secrets(self.uri))[:16]


def _read(line: str) -> dict[str, str]:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or set(head) != _KEYS or not all(isinstance(one, str) for one in head.values()):
        raise LedgerError(
            f"git's notes hold {line[:60]!r} in refs/notes/{REF}, which is no head of a ledger; find it with `git "
            f"notes --ref={REF} list`, and take the line out with `git notes --ref={REF} edit COMMIT`"
        )
    return head


def first_of(chain: Chain) -> str:
    """Tells ledgers of one name apart: by their first entry."""
    return hash_text(chain.texts[0])[:16]
