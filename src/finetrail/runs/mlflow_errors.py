"""MLflow's errors as one line: the cause in full, and the remedy that fits it."""

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetrail.errors import TrackingError
from finetrail.redaction import without_secrets

# SQLAlchemy adds the statement with its values, and a link to its own documentation.
_NOISE = re.compile(r"\[SQL: .*|\(Background on this error at: .*")
_SCHEMA = r"out-of-date database schema \(found version (?P<found>\w+)"
_REMEDIES = (
    # Of a deleted experiment, by its name or by its number.
    (
        r"xperiment '?(?P<id>\d+)'? must be in the 'active' state|ID=(?P<number>\d+)\) exists in a deleted state",
        "restore it: MLFLOW_TRACKING_URI={uri} mlflow experiments restore --experiment-id {id}",
    ),
    (_SCHEMA, "copy the database, then: mlflow db upgrade {uri}"),
    (r"database is locked", "another program is writing to it: run again, or end that program"),
    (r"database or disk is full", "free some space, and run again"),
    (r"unable to open database file|readonly database", "make its folder and the file writable for this user"),
    (r"file is not a database|malformed", "restore the file from a backup, or name another database"),
    (r"No such artifact|No such file or directory|NoSuchKey", "restore MLflow's artifacts from a backup"),
    (
        r"\b401\b|\b403\b|Unauthorized|Forbidden|AccessDenied",
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    ),
    (r"does not have any registered|Registered Model .* not found", "run `finetrail register`"),
)


@contextmanager
def tracking_errors(uri: str) -> Iterator[None]:
    """Turn errors of MLflow and of its database into one line that a user can act on.

    Raises:
        TrackingError: in their place.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    # MLflow lets its database's errors through.
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # not MLflow's fault
        cause = without_secrets(_NOISE.sub("", " ".join(str(error).split())).strip())
        shown = without_secrets(uri)
        raise TrackingError(
            f"MLflow at {shown} does not answer as it should ({cause.rstrip('.')}); {_remedy(cause, shown)}"
        ) from error


def _remedy(cause: str, uri: str) -> str:
    for pattern, remedy in _REMEDIES:
        if (found := re.search(pattern, cause, re.IGNORECASE)) is not None:
            if pattern == _SCHEMA and not _knows(found["found"]):
                return "a newer MLflow wrote it: install that version, or name another database"
            given = {key: value for key, value in found.groupdict().items() if value}
            return remedy.format(uri=uri, id=given.get("id") or given.get("number") or "ID")
    if uri.startswith(("http:", "https:")):
        return "start it, or correct MLFLOW_TRACKING_URI"
    return "correct MLFLOW_TRACKING_URI, or unset it for the workspace's own database"


def _knows(schema: str) -> bool:
    """Whether the installed MLflow has had this schema; it calls all others out of date, also later ones."""
    import mlflow

    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
    return any(file.name.startswith(schema) for file in migrations.glob("*.py"))
