"""A disk that is full while a stage writes: a real one, a small file system in memory of its own namespace."""

import os
import shutil
import subprocess

import pytest

from tests.pipeline.workspaces import BIN, Sandbox, contents

# data/ is put on a small disk, together with what lies in it, and filled up until $LEFT KiB are free.
ON_A_SMALL_DISK = """
set -e
cp -r "$FULL" aside
mount -t tmpfs -o size=8m none "$FULL"
cp -r aside/. "$FULL"
free=$(df --output=avail -k "$FULL" | tail -1)
head -c "$(( (free - LEFT) * 1024 ))" /dev/zero > "$FULL/filler"
code=0
"$@" || code=$?
rm "$FULL/filler"
cp -r "$FULL" after
exit $code
"""


@pytest.fixture(scope="module")
def unshare() -> list[str]:
    """The command that opens a namespace in which one may mount."""
    for command in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        probe = [*command, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0:
            return command
    pytest.skip("this kernel lets us mount nothing, neither as root nor in a user namespace")


@pytest.mark.parametrize(
    ("command", "full", "left"),
    [
        (["ingest"], "data", 4),
        (["split"], "data", 8),
        (["train", "full"], "data", 60),
        (["train", "linear_probe"], ".finetrail/checkpoints", 0),
        (["register"], ".finetrail/mlflow/artifacts", 8),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_it_says_so_in_one_line_and_leaves_the_earlier_results(
    sandbox: Sandbox, unshare: list[str], command: list[str], full: str, left: int
) -> None:
    (sandbox.root / full).mkdir(parents=True, exist_ok=True)
    before = contents(sandbox.root / full)
    done = sandbox.run(
        *unshare, "sh", "-c", ON_A_SMALL_DISK, "sh", str(BIN / "finetrail"), *command, FULL=full, LEFT=str(left)
    )
    assert done.code == 7, done.err
    assert done.error.startswith("WorkspaceError: no space is left on the disk (")
    assert "the earlier results are untouched" in done.error
    assert contents(sandbox.root / "after") == before
    assert os.path.ismount(sandbox.root / full) is False
