"""The heads of ledgers in git's notes: taken along into a clone, and brought back to the repository at its end."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from finetrail.programs.git import NAMELESS
from finetrail.programs.run import run
from finetrail.registry.heads import REF, TRIES

_OWN = f"refs/notes/{REF}"
_THEIRS = f"refs/notes/{REF}-origin"
log = logging.getLogger(__name__)


def take_heads(root: Path, environment: Mapping[str, str]) -> None:
    """Have the repository's notes in a fresh clone; it may have none yet.

    Args:
        root: the clone.
        environment: all that git sees.
    """
    run(["git", "fetch", "--quiet", "origin", f"+{_OWN}:{_OWN}"], root, environment)


def bring_heads(root: Path, environment: Mapping[str, str]) -> None:
    """Add the clone's notes to those of the repository, where other runs may have added some meanwhile.

    A repository that does not take them is told in the log: the run's results are there all the same.

    Args:
        root, environment: as for `take_heads`.
    """
    if run(["git", "rev-parse", "--verify", "--quiet", _OWN], root, environment).code:
        return
    for _ in range(TRIES):
        if not run(["git", "fetch", "--quiet", "origin", f"+{_OWN}:{_THEIRS}"], root, environment).code:
            merge = ["notes", f"--ref={REF}", "merge", "--quiet", "--strategy=cat_sort_uniq", _THEIRS]
            run(["git", *NAMELESS, *merge], root, environment)  # which makes a commit
        pushed = run(["git", "push", "--quiet", "origin", _OWN], root, environment)
        if not pushed.code:
            return
        time.sleep(0.2)
    said = " ".join(pushed.lines[-2:])[-300:]
    log.warning("the repository did not take the heads of the ledger (%s): a clone kept them, and is gone", said)
