"""Run commands of finetrail while the disk under a folder is full: `python small_disk.py WORKSPACE CASES RESULTS`.

Runs in a mount namespace of its own. The disk is a small file system in memory that is put over the folder, with what
lies in it, and filled up. One process for all cases, because importing torch and MLflow takes longer than any of them.
"""

import json
import shutil
import subprocess
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.pipeline.workspaces import Outcome, Sandbox, contents

DISK = 8 * 2**20


def try_with_a_full_disk(sandbox: Sandbox, folder: Path, kib_left: int, command: list[str]) -> dict[str, object]:
    """Returns what the command did, and which files of the folder it changed, and left."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = Path(shutil.copytree(folder, sandbox.root / "aside"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        before, filler = contents(folder), folder / "filler"
        filler.write_bytes(b"\0" * (shutil.disk_usage(folder).free - kib_left * 1024))
        try:
            done = sandbox.finetrail(*command)
        except Exception:  # what the interpreter would make of it  # noqa: BLE001
            done = Outcome(1, "", traceback.format_exc())
        filler.unlink()
        after = contents(folder)
        changed = [name for name in before if after.get(name) != before[name]]
        return asdict(done) | {"changed": changed, "left": sorted(after.keys() - before.keys())}
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(aside)


def main() -> None:
    sandbox = Sandbox(Path(sys.argv[1]))
    cases = json.loads(sys.argv[2])
    results = {
        name: try_with_a_full_disk(sandbox, sandbox.root / folder, kib_left, command)
        for name, (command, folder, kib_left) in cases.items()
    }
    Path(sys.argv[3]).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
