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
from finetrail.workspace import Workspace

DATABASE = "FINETRAIL_STUDIES"
"""Names the database, as an SQLAlchemy address. It is no setting in params.yaml, because it holds a password."""
PLACE = ".studies"
"""The folder beside the checkpoints of the candidates, none of which can have a name with a dot."""

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


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


def open_storage(workspace: Workspace, candidate: str) -> BaseStorage:
    """The storage of a candidate's studies."""
    if DATABASE in os.environ:
        return optuna.storages.RDBStorage(os.environ[DATABASE])
    folder = study_folder(workspace, candidate)
    folder.mkdir(parents=True, exist_ok=True)
    journal, lock = folder / "journal.log", _Lock(folder / "journal.lock")
    lock.acquire()
    try:
        _mend(journal)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))


def _mend(journal: Path) -> None:
    """Remove a last line that was cut off: what is written after it would make the whole journal unreadable."""
    if not journal.exists():
        return
    text = journal.read_bytes()
    if text and not text.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)
