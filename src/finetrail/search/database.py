"""Studies that several machines share, in PostgreSQL: the address, the claims, and errors without the password."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage

from finetrail.errors import ConfigError, UnreachableError
from finetrail.redaction import without_secrets
from finetrail.runs.hashes import hash_of
from finetrail.search.settings import DATABASE, DATABASE_FORM

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

    from finetrail.search.claims import Claim

log = logging.getLogger(__name__)

PULSE = 5.0
"""Seconds between two looks at the connection that holds a claim."""
_PAUSE = 0.1
"""Seconds between two tries for a lock that another process has."""
_CONNECTION = {
    "application_name": "finetrail",
    "connect_timeout": 10,
    # Both ends ask after 30 silent seconds whether the other machine lives, and give up after a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "options": "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=60000",
}


def parse_address(text: str) -> "URL":
    """The address of the database. Raises: ConfigError: it is none of PostgreSQL; the message has no part of it."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{DATABASE} is not the address of a database; write {DATABASE_FORM}, with %40, %2F and %3A for @, / and : "
            "in the password"
        ) from None
    if url.drivername not in ("postgresql", "postgresql+psycopg2"):
        raise ConfigError(
            f"{DATABASE} is an address of {url.drivername}, but machines share a study in PostgreSQL; write "
            f"{DATABASE_FORM}, or unset it and work on one machine"
        )
    return url


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn errors of the database into one line. Raises: UnreachableError: in their place."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        first = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        said = str(first.orig if isinstance(first, DBAPIError) else first).strip().partition("\n")[0]
        raise UnreachableError(
            f"the database of the studies does not answer as it should ({without_secrets(said)}); start it, or correct "
            f"{DATABASE}, and run again: the search goes on where it stopped"
        ) from error


def open_database(address: str, study: str) -> "tuple[RDBStorage, DatabaseClaims]":
    """The storage in a database, and the claims of a study in it.

    Args:
        study: its name, which begins with the name of its group and a slash.

    Raises:
        ConfigError: see `parse_address`, or the driver is not installed.
    """
    from sqlalchemy import create_engine, text

    url = parse_address(address)
    settings: dict[str, Any] = {"pool_pre_ping": True, "connect_args": _CONNECTION}
    try:
        engine = create_engine(url, **settings)
    except ImportError as error:
        raise ConfigError(
            f"{DATABASE} needs {error.name}, which is not installed; install the packages of the extra `team` in "
            "pyproject.toml"
        ) from error
    with engine.begin() as connection:  # the first to come makes the tables
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _number("tables")})
        template = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
        storage = RDBStorage(template, engine_kwargs=settings)
    return storage, DatabaseClaims(engine, study)


class DatabaseClaims:
    """Advisory locks of PostgreSQL: the server frees those of a process or a machine that is dead.

    A process has a lock as long as the connection that took it, which breaks at once when the process is killed, and
    after a minute of silence when the machine is. However long a training is silent, its machine answers for it.

    Args:
        engine: connects to the server itself: a pool of connections that others share would share the locks.
        study: its name, which begins with the name of its group and a slash; a group decides alone.
    """

    def __init__(self, engine: "Engine", study: str) -> None:
        self._engine, self._study = engine, study

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Claims`."""
        right = self._wait_for(_number("next", self._study.rpartition("/")[0]))
        try:
            yield
        finally:
            right.release()

    def take(self, what: str) -> "Claim | None":
        """See `Claims`. A server that has just started waits for those who had a lock before it stopped."""
        return _lock(self._engine, _number(self._study, what), patience=3 * PULSE)

    def begin(self, what: str) -> "Claim":
        """See `Claims`."""
        return self._wait_for(_number(self._study, what))

    def _wait_for(self, number: int) -> "_Lock":
        while (lock := _lock(self._engine, number)) is None:
            time.sleep(_PAUSE)  # a wait inside the driver would not hear Ctrl-C
        return lock


class _Lock:
    """A lock that this process has. A thread takes it again if the connection breaks, as when the server restarts."""

    def __init__(self, engine: "Engine", number: int, connection: "Connection") -> None:
        self._engine, self._number, self._connection = engine, number, connection
        self._released = Event()
        self._thread = Thread(target=self._keep, name="claim", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Give it back."""
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        self._released.set()
        self._thread.join()
        with suppress(SQLAlchemyError), self._connection:  # without a connection there is no lock
            self._connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": self._number})

    def _keep(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        while not self._released.wait(PULSE):
            if self._holds():
                continue
            with suppress(SQLAlchemyError):  # the server may not be back yet
                again = _connection_with(self._engine, self._number)
                if again is None:
                    log.warning("the database was away, and another process took over; the first result counts")
                    return
                self._connection = again

    def _holds(self) -> bool:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        if self._connection.invalidated:  # it would connect again, without the lock
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self._connection.invalidate()
            return False
        return True


def _lock(engine: "Engine", number: int, patience: float = 0) -> _Lock | None:
    """The lock of a number; None: another process has it. Args: patience: see `_connection_with`."""
    connection = _connection_with(engine, number, patience)
    return None if connection is None else _Lock(engine, number, connection)


def _connection_with(engine: "Engine", number: int, patience: float = 0) -> "Connection | None":
    """A connection that has taken a lock; None: it is not to be had.

    Args:
        patience: seconds for which a server gives none after its start.
    """
    from sqlalchemy import text

    take = text(
        "SELECT CASE WHEN pg_postmaster_start_time() > now() - make_interval(secs => :patience) THEN false "
        "ELSE pg_try_advisory_lock(:number) END"
    )
    # A transaction that stays open for a whole training would keep the server from tidying up.
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        if connection.execute(take, {"patience": patience, "number": number}).scalar_one():
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _number(*parts: str) -> int:
    """The number of a lock: 64 bits with a sign."""
    return int(hash_of(["finetrail", *parts])[:16], 16) - 2**63
