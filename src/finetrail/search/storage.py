"""Where studies are kept: in a journal of the workspace or, for several machines, in a database."""

import os
import warnings
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock  # the base that its own locks have

from finetrail.runs.live import checkpoint_folder
from finetrail.search.claims import Claims, FileClaims
from finetrail.search.database import open_database
from finetrail.search.settings import DATABASE
from finetrail.workspace import Workspace

PLACE = ".studies"
"""The folder beside the checkpoints of the candidates, none of which can have a name with a dot."""

optuna.logging.set_verbosity(optuna.logging.WARNING)
# By a trial that goes on from an earlier checkpoint, or on another machine.
warnings.filterwarnings("ignore", message="The reported value is ignored")


class _Lock(BaseJournalFileLock):
    """A lock that the system frees when its holder is killed; Optuna's own stay for half a minute."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


def study_folder(workspace: Workspace, candidate: str) -> Path:
    """What a candidate's study needs besides its storage: locks and checkpoints. Outside every out."""
    return checkpoint_folder(workspace, PLACE) / candidate


def open_storage(workspace: Workspace, candidate: str, study: str) -> tuple[BaseStorage, Claims]:
    """The storage of a candidate's studies, and the claims of one of them.

    Args:
        study: its name, which begins with that of its group, and a slash.

    Raises:
        ConfigError: the address of the database is none.
    """
    address = os.environ.get(DATABASE)
    if address:
        return open_database(address, study)
    folder = study_folder(workspace, candidate)
    claims = FileClaims(folder, study.rpartition("/")[2])
    journal, lock = folder / "journal.log", _Lock(folder / "journal.lock")
    lock.acquire()
    try:
        _mend(journal)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(str(journal), lock_obj=lock)), claims


def _mend(journal: Path) -> None:
    """Remove a last line that was cut off: what is written after it would make the whole journal unreadable."""
    if not journal.exists():
        return
    text = journal.read_bytes()
    if text and not text.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)
