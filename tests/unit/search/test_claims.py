"""Claims on files and in a real PostgreSQL: one process has a right at a time, and a dead one loses it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy

from finetrail.errors import ConfigError, UnreachableError
from finetrail.search import database
from finetrail.search.claims import Claim, Claims
from finetrail.search.database import database_errors, open_database
from finetrail.search.settings import DATABASE
from finetrail.search.storage import open_storage
from finetrail.workspace import Workspace
from tests.flows import postgres
from tests.flows.server import free_port

PASSWORD = "planted0%studies{0}password"  # noqa: S105  (planted, to be looked for)
STUDY = "toy/full/0123456789abcdef"
HOLDER = """
import sys, time
from pathlib import Path
from finetrail.search.storage import open_storage
from finetrail.workspace import Workspace
claims = open_storage(Workspace(Path(sys.argv[1])), "full", sys.argv[2])[1]
claim = claims.begin("7")
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres.database(PASSWORD) as found:
        yield found.replace(PASSWORD, PASSWORD.replace("%", "%25").replace("{", "%7B").replace("}", "%7D"))


@pytest.fixture(params=["files", "database"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Claims]:
    """What another process would open: claims of the same study."""
    monkeypatch.setattr(database, "PULSE", 0.2)
    monkeypatch.delenv(DATABASE, raising=False)
    if request.param == "database":
        monkeypatch.setenv(DATABASE, request.getfixturevalue("address"))
    return lambda: open_storage(Workspace(tmp_path), "full", STUDY)[1]


def test_a_right_is_one_claims_at_a_time(opened: Callable[[], Claims]) -> None:
    ours, theirs = opened(), opened()
    first, second = ours.begin("7"), ours.begin("8")
    assert theirs.take("7") is None
    assert theirs.take("8") is None
    first.release()
    third = _taken(theirs, "7")
    assert ours.take("7") is None
    for claim in (second, third):
        claim.release()


def test_one_decides_while_the_others_wait(opened: Callable[[], Claims]) -> None:
    known = [0]

    def decide() -> None:
        claims = opened()
        for _ in range(5):
            with claims.alone():
                seen = known[0]
                time.sleep(0.01)
                known[0] = seen + 1

    threads = [Thread(target=decide) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert known == [15]


@pytest.mark.slow
def test_a_process_keeps_its_right_however_long_it_stands_still_and_loses_it_when_killed(
    opened: Callable[[], Claims], tmp_path: Path
) -> None:
    ours = opened()
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), STUDY], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"begun\n"
        holder.send_signal(signal.SIGSTOP)
        time.sleep(5 * database.PULSE)
        assert ours.take("7") is None
        holder.kill()
    claim = _taken(ours, "7")
    claim.release()


def _taken(claims: Claims, what: str, seconds: float = 10) -> Claim:
    end = time.monotonic() + seconds
    while (claim := claims.take(what)) is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    return claim


def test_a_right_outlives_the_connection(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PULSE", 0.2)
    ours, theirs = (open_database(address, STUDY)[1] for _ in range(2))
    claim = ours.begin("7")
    with sqlalchemy.create_engine(address).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sqlalchemy.text("ALTER ROLE finetrail NOLOGIN"))
        broken = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        assert connection.execute(sqlalchemy.text(broken)).scalars().all() == [True]
        time.sleep(4 * database.PULSE)  # a connection cannot be had
        connection.execute(sqlalchemy.text("ALTER ROLE finetrail LOGIN"))
    time.sleep(4 * database.PULSE)
    assert theirs.take("7") is None
    claim.release()
    _taken(theirs, "7").release()


def test_a_server_that_has_just_started_waits_for_those_who_had_a_right(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = open_database(address, STUDY)[1]
    monkeypatch.setattr(database, "PULSE", 1000.0)
    assert claims.take("7") is None
    claims.begin("7").release()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("planted0password", "is not the address of a database; write postgresql"),
        ("postgresql://me@host:planted0password/studies", "is not the address of a database; write postgresql"),
        ("sqlite:///planted0password.db", "is an address of sqlite, but machines share a study in PostgreSQL; write"),
    ],
)
def test_an_address_that_is_none_is_refused_without_a_part_of_it(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        open_database(text, STUDY)
    assert "planted0" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_server_that_does_not_answer_is_one_line_without_the_password(address: str) -> None:
    url = sqlalchemy.make_url(address)
    nowhere = url.set(port=free_port()).render_as_string(hide_password=False)
    stranger = url.set(password="planted0other").render_as_string(hide_password=False)  # noqa: S106
    for wrong, why in ((nowhere, "Connection refused"), (stranger, "password authentication failed")):
        with (
            pytest.raises(UnreachableError, match=f"{why}.*; start it, or correct {DATABASE}") as refused,
            database_errors(),
        ):
            open_database(wrong, STUDY)
        assert "planted0" not in str(refused.value)
        assert "\n" not in str(refused.value)
    with database_errors():  # the remedy
        open_database(address, STUDY)
