"""Stages that are forked from the workspace's warm server: nobody sees a difference, and nothing is left behind."""

import os
import re
import signal
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetrail.warm.place import kept
from finetrail.workspace import Workspace, read_json
from tests.pipeline.trainings import runs
from tests.pipeline.warm import ENDLESS, client, fork, none_is_left, pause, paused, servers, session, trains_on, until
from tests.pipeline.workspaces import Sandbox, contents, wait


@pytest.fixture
def plain(plain: Sandbox) -> Sandbox:
    """As elsewhere, with its own server."""
    return replace(plain, shares=False)


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    return replace(sandbox, shares=False)


@pytest.fixture
def training(plain: Sandbox) -> Sandbox:
    """A workspace whose training does not end by itself."""
    plain.edit("candidates.full.train", ENDLESS)
    return plain


def test_with_workers_and_processes_warm_and_cold_write_the_same_bits(plain: Sandbox, tmp_path: Path) -> None:
    """The other stages, and a plain training: `test_repro.py` compares `dvc repro`, which is warm, with one process."""
    warm, cold = plain, plain.copy(tmp_path / "cold")
    for sandbox in (warm, cold):
        sandbox.edit("backbone.dropout", 0.1)
        sandbox.edit("candidates.lora.train.workers", 2)
        sandbox.edit("candidates.full.train.processes", 2)
    script = "finetrail train lora && finetrail train full"
    with session(warm, script + pause("ended")) as shell:
        with paused(warm, "ended"):
            assert len(servers(warm)) == 1, "a server that could not fork has ended"
        assert "trained full: " in wait(shell).out
    with session(cold, script, FINETRAIL_WARM="0") as shell:
        assert "trained full: " in wait(shell).out
    assert not (cold.root / ".finetrail" / "warm").exists()
    assert _bits(warm.paths) == _bits(cold.paths)
    assert none_is_left(warm)


def _bits(workspace: Workspace) -> dict[str, Any]:
    """All that was written, but for the names of runs, how long they took, and on what."""
    found: dict[str, Any] = contents(workspace.root / "data")
    for path in workspace.root.glob("data/**/*.json"):
        record = read_json(path)
        if "run_id" in record:
            own = ("run_id", "measured", "machine")
            found[str(path.relative_to(workspace.root / "data"))] = {
                key: value for key, value in record.items() if key not in own
            }
    return found


def test_a_stage_is_what_its_client_is_and_with_a_killed_terminal_all_ends(training: Sandbox) -> None:
    """Whatever the shell set: limits, umask, ignored signals; and folder, session, group, streams."""
    script = "umask 027; ulimit -S -n 300; trap '' USR1 HUP; finetrail train full 2>stderr.txt"
    with session(training, script) as shell:
        ours = fork(training, shell)
        theirs = client(training)
        for name in ("limits", "cgroup", "loginuid"):
            assert _proc(ours, name) == _proc(theirs, name), name
        for name in ("Umask", "Uid", "Gid", "Groups", "Cpus_allowed", "SigBlk"):
            assert _status(ours, name) == _status(theirs, name), name
        assert {signal.SIGUSR1, signal.SIGHUP} <= _ignored(ours) == _ignored(theirs)
        for stream in "012":
            assert Path(f"/proc/{ours}/fd/{stream}").readlink() == Path(f"/proc/{theirs}/fd/{stream}").readlink()
        assert (os.getpgid(ours), os.getsid(ours)) == (os.getpgid(theirs), os.getsid(theirs)) == (shell.pid, shell.pid)
        shell.kill()
        assert none_is_left(training)
        shell.communicate()


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def _status(pid: int, field: str) -> str:
    (value,) = re.findall(rf"^{field}:[ \t]*(.*)$", _proc(pid, "status"), re.MULTILINE)
    return str(value)


def _ignored(pid: int) -> set[int]:
    return {number for number in range(1, 65) if int(_status(pid, "SigIgn"), 16) >> (number - 1) & 1}


def test_output_codes_and_errors_are_those_of_a_cold_stage(plain: Sandbox) -> None:
    commands = ("select", "train nobody", "split --nothing", "split", "split >&-")
    script = "\n".join(f"finetrail {command}; echo $?" for command in commands)
    done = {}
    for warm in ("1", "0"):
        with session(plain, script, FINETRAIL_WARM=warm) as shell:
            done[warm] = wait(shell)
    assert done["1"] == done["0"]
    assert re.findall(r"^\d+$", done["1"].out, re.MULTILINE)[:4] == ["7", "2", "2", "0"]


def test_one_stage_changes_nothing_for_the_next(plain: Sandbox) -> None:
    script = "umask {}; finetrail split && stat --format %a data/splits/split.json"
    with session(plain, "\n".join(f"({script.format(mask)})" for mask in ("077", "022"))) as shell:
        assert re.findall(r"^\d+$", wait(shell).out, re.MULTILINE) == ["600", "644"]


def test_another_environment_gets_another_server(plain: Sandbox) -> None:
    """Else a secret of one call would be in the processes of the next."""
    script = f"SECRET=hush finetrail split{pause('first')}finetrail split{pause('second')}"
    with session(plain, script):
        with paused(plain, "first"):
            (first,) = servers(plain)
            assert "SECRET=hush" in _proc(first, "environ")
        with paused(plain, "second"):
            (second,) = servers(plain)
            assert "SECRET=hush" not in _proc(second, "environ")
    assert none_is_left(plain)


def test_other_code_gets_another_server(plain: Sandbox) -> None:
    with session(plain, f"finetrail split{pause('first')}finetrail split{pause('second')}"):
        with paused(plain, "first"):
            (first,) = servers(plain)
            with (plain.root / "requirements.lock").open("a") as lock:
                lock.write("# another version\n")
        with paused(plain, "second"):
            (second,) = servers(plain)
            assert first != second


def test_one_that_is_kept_serves_every_folder_with_its_lock_file_and_stays(plain: Sandbox, tmp_path: Path) -> None:
    """As flows keep one, and these tests: what differs from it starts cold."""
    other = replace(plain.twin(tmp_path / "other"), shares=False)
    differ = "cp requirements.lock was; echo >> was; SECRET=hush finetrail split; "
    differ += "mv requirements.lock own; mv was requirements.lock; finetrail split; mv own requirements.lock"
    with kept(plain.root, plain.environment()):
        (server,) = servers(plain)
        (other.root / ".finetrail").symlink_to(plain.root / ".finetrail")
        for script, serves in ((differ, False), ("finetrail split", True)):
            with session(other, script) as shell:
                assert wait(shell).err == ""
            assert none_is_left(other)
            assert servers(plain) == [server]
            assert ("libarrow" in _proc(server, "maps")) == serves  # imported for a stage
    assert none_is_left(plain)


def test_there_is_one_server_and_only_its_user_may_ask_it(plain: Sandbox) -> None:
    calls = "finetrail select & " * 6
    with session(plain, f"{calls}wait{pause('ended')}"), paused(plain, "ended"):
        assert len(servers(plain)) == 1
        folder = plain.root / ".finetrail" / "warm"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "server.sock").stat().st_mode) == 0o600


def test_a_person_who_runs_one_stage_starts_no_server(plain: Sandbox) -> None:
    done = plain.run("bash", "-c", "finetrail split; ls .finetrail/warm")
    assert done.out.startswith("split by official"), done
    assert "server.sock" not in done.out


def test_a_server_that_nobody_asks_ends(plain: Sandbox) -> None:
    program = """
import os, socket
from finetrail.warm.place import FOLDER, LOCK, SOCKET
from finetrail.warm.server import Server
FOLDER.mkdir(parents=True)
listening = socket.socket(socket.AF_UNIX)
listening.bind(os.path.relpath(FOLDER / SOCKET))
listening.listen()
lock = os.open(FOLDER / LOCK, os.O_CREAT)
assert Server(listening.detach(), lock, os.getppid(), idle=0.5).serve() is None
"""
    started = time.monotonic()
    done = plain.run(sys.executable, "-c", program)
    assert done.code == 0, done
    assert time.monotonic() - started > 0.5


def test_a_signal_does_what_it_does_to_a_cold_stage(training: Sandbox) -> None:
    """In one session, one after another: SIGKILL of stage, client and server, and Ctrl-C, of the client and of all."""
    names = ("stage killed", "client killed", "client interrupted", "all interrupted", "server killed, all interrupted")
    step = "finetrail train full; echo {name}: $?; touch {number}; while [ -e {number} ]; do sleep 0.02; done"
    script = "\n".join(step.format(name=name, number=number) for number, name in enumerate(names))
    with session(training, f"trap true INT\n{script}") as shell:
        stage = fork(training, shell)
        os.kill(stage, signal.SIGKILL)
        with paused(training, "0"):
            (server,) = servers(training)

        stage = fork(training, shell)
        os.kill(client(training), signal.SIGKILL)
        with paused(training, "1"):
            until(lambda: not Path(f"/proc/{stage}").exists())

        fork(training, shell)
        os.kill(client(training), signal.SIGINT)
        with paused(training, "2"):
            assert runs(training)[0].info.status == "KILLED"

        fork(training, shell)
        os.killpg(shell.pid, signal.SIGINT)
        with paused(training, "3"):
            assert servers(training) == [server]

        stage = fork(training, shell)
        os.kill(server, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{stage}").exists())
        trains_on(training)  # cold, from the last checkpoint
        assert servers(training) == []
        os.killpg(shell.pid, signal.SIGINT)
        with paused(training, "4"):
            assert runs(training)[0].info.status == "KILLED"
        done = wait(shell)
    codes = dict(line.split(": ") for line in done.out.splitlines() if ": " in line)
    assert codes == dict(zip(names, ["137", "137", "130", "130", "130"], strict=True)), done
    assert none_is_left(training)


def test_with_killed_dvc_all_ends(sandbox: Sandbox) -> None:
    sandbox.edit("candidates.full.train", ENDLESS)
    repro = sandbox.start("dvc", "repro", "train@full")
    fork(sandbox, repro)
    os.kill(repro.pid, signal.SIGKILL)
    assert none_is_left(sandbox)
    repro.communicate()


def test_a_clean_process_has_no_finetrail_and_no_settings_of_ours(plain: Sandbox) -> None:
    """That of the round trip, in which a packed model is tried: the same warm and cold."""
    (plain.root / "probe.py").write_text(PROBE, encoding="utf-8")
    ask = "from pathlib import Path; from finetrail.programs.clean import run_clean; import sys"
    ask += "; done = run_clean(Path('probe.py').resolve(), ['one', 'two'], Path('data').resolve())"
    ask += "; print(done.stdout, done.stderr, done.returncode)"
    script = f'finetrail split > /dev/null; python -c "{ask}"{pause("asked")}'
    told = {}
    for warm in ("1", "0"):
        with session(plain, script, FINETRAIL_WARM=warm, MLFLOW_TRACKING_URI="http://ours", AWS_REGION="ours") as shell:
            with paused(plain, "asked"):
                assert len(servers(plain)) == int(warm)
            told[warm] = wait(shell).out.split("\n")
    assert [told[warm][0] for warm in ("1", "0")] == ["forked one two", "new one two"]
    for lines in told.values():
        assert lines[1:4] == ["[]", "[]", str(plain.root / "data")]
        assert "RuntimeError: as a packed model may" in lines
        assert lines[-2] == " 1"


PROBE = """
import os, sys
print("forked" if "torch" in sys.modules else "new", *sys.argv[1:])
print([name for name in sys.modules if name.startswith("finetrail")])
print([name for name in os.environ if name.startswith(("MLFLOW_TR", "AWS_"))])
print(os.getcwd())
raise RuntimeError("as a packed model may")
"""
