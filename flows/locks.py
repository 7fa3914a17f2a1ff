"""The dvc.lock of earlier runs on this machine: with it DVC restores all results of the same run at once.

Without it DVC looks for the stages in its run-cache, one by one, and writes dvc.lock again after each. It is no way
past DVC, which checks what the file says as it does one that is committed.
"""

import hashlib
import logging
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)
NAME = "dvc.lock"
KEPT = 100
"""The latest of them; each is some 50 kB."""


def known_lock(home: Path, root: Path, key: str) -> Path:
    """Where the dvc.lock of runs of the same is.

    Args:
        home: the machine's room for such things.
        root: a clone.
        key: equal for clones that would train the same.
    """
    names = ("dvc.yaml", *sorted(str(path.relative_to(root)) for path in (root / "data").rglob("*.dvc")))
    parts = [f"{name}\n".encode() + (root / name).read_bytes() for name in names if (root / name).exists()]
    return home / "locks" / hashlib.sha256(b"\n".join([key.encode(), *parts])).hexdigest()[:16]


def take_lock(known: Path, root: Path) -> None:
    """Have it in a fresh clone, if there was such a run."""
    with suppress(FileNotFoundError):
        shutil.copyfile(known, root / NAME)


def keep_lock(root: Path, known: Path) -> None:
    """Keep that of a clone whose stages have all ended well.

    Where it cannot be kept, the next run of the same takes a second longer: no reason to lose this one.
    """
    partial = known.with_name(f"{uuid.uuid4().hex}.partial")  # of this run alone
    try:
        known.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / NAME, partial)
        partial.replace(known)
        for old in sorted(known.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:  # the disk is full, or another run removes old ones too
        log.info("dvc.lock is not kept for the next run: %s", error)
        with suppress(OSError):
            partial.unlink(missing_ok=True)
