"""`pypi://`: a file of a package from the index that pip is set up for, fetched once and checked by its sha256.

six is a package of a few files, one of which happens to be a table.
"""

import os
import subprocess
import sys

import pytest

from finetrail.locations import sha256_of
from finetrail.workspace import read_json
from tests.pipeline.workspaces import Sandbox, contents

SHA256 = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
TABLE = "six-1.16.0.dist-info/RECORD"


@pytest.fixture(scope="module", autouse=True)
def _index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip on a developer's machine that is offline; CI has to reach an index."""
    folder = tmp_path_factory.mktemp("pip")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "six==1.16.0"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        assert not os.environ.get("CI"), done.stderr
        pytest.skip(f"no package index: {done.stderr.strip()[-200:]}")
    assert sha256_of(next(folder.glob("six-*.whl"))) == SHA256


def _source(sandbox: Sandbox, address: str) -> None:
    # The first line of RECORD is its own six.py, which serves as the header here.
    columns = {"text": "six.py", "label": "34549"}
    sandbox.edit("source", {"path": address, "format": "csv", "columns": columns})


def test_the_right_hash_is_fetched_once_and_then_read_from_the_cache(plain: Sandbox) -> None:
    cache = plain.root / "cache"
    _source(plain, f"pypi://six==1.16.0/{TABLE}#sha256={SHA256}")
    assert plain.finetrail("ingest", FINETRAIL_CACHE=str(cache)).out.splitlines()[-1] == "ingested 5 rows (all 5)"
    assert [path.name for path in cache.rglob("*.whl")] == ["six-1.16.0-py2.py3-none-any.whl"]
    first = contents(plain.paths.raw)
    # Without any index the cached wheel is enough.
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "FINETRAIL_CACHE": str(cache)}
    assert plain.finetrail("ingest", **offline).code == 0
    assert contents(plain.paths.raw) == first
    assert "six" not in sys.modules or "cache" not in str(sys.modules["six"].__file__), "it is read, never imported"


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        (
            f"pypi://six==1.16.0/{TABLE}#sha256={'0' * 64}",
            3,
            f"IntegrityError: six-1.16.0-py2.py3-none-any.whl has sha256 {SHA256}, but {'0' * 64} is pinned; if you",
        ),
        (f"pypi://six==1.16.0/{TABLE}", 2, f"ConfigError: 'pypi://six==1.16.0/{TABLE}' is not pinned; add #sha256="),
        (f"pypi://six==1.16.0/no/such.csv#sha256={SHA256}", 3, "SourceError: 'no/such.csv' is not in six-1.16.0-py2"),
        (f"pypi://six==1.16.0/../x.whl#sha256={SHA256}", 2, "ConfigError: '../x.whl' points outside the package"),
        (f"pypi://six/{TABLE}#sha256={SHA256}", 2, "ConfigError: 'pypi://six/"),
        (f"pypi://six==99.0/{TABLE}#sha256={SHA256}", 3, "SourceError: six==99.0 cannot be fetched (ERROR: No match"),
    ],
    ids=["wrong hash", "no hash", "missing member", "outside", "no version", "no such version"],
)
def test_what_is_refused(plain: Sandbox, address: str, code: int, message: str) -> None:
    before = contents(plain.paths.raw)
    _source(plain, address)
    done = plain.finetrail("ingest", FINETRAIL_CACHE=str(plain.root / "cache"))
    assert done.code == code
    assert done.error.startswith(message)
    assert contents(plain.paths.raw) == before


def test_a_cached_wheel_that_was_changed_is_not_used(plain: Sandbox) -> None:
    cache = plain.root / "cache"
    _source(plain, f"pypi://six==1.16.0/{TABLE}#sha256={SHA256}")
    assert plain.finetrail("ingest", FINETRAIL_CACHE=str(cache)).code == 0
    wheel = next(cache.rglob("*.whl"))
    wheel.write_bytes(b"another wheel")
    assert plain.finetrail("ingest", FINETRAIL_CACHE=str(cache)).code == 0
    assert sha256_of(next(cache.rglob("*.whl"))) == SHA256
    assert read_json(plain.paths.validation_report)["success"]
