"""A workspace as a user has it, a git repository with DVC, and the ways to run things in it."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from finetrail.workspace import Workspace
from tests import empty_database
from tests.warm_server import environment as own_environment
from tests.warm_server import leave_server, share_server

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CSV = "data/input/toy.csv"
WEIGHTS = "data/weights/tiny-bert"
CANDIDATES = ("lora", "full")
"""Those of the first run: each costs a process, and images and flows train a linear probe."""
WRITTEN = ("raw", "reports", "splits", "models", "runs", "selection", "registration.json")
"""What the stages write, in data."""

PARAMS = f"""
project: toy
task: text-classification
seed: 0

source:
  path: {CSV}
  columns: {{split: split}}

validation:
  rare_label: {{policy: fail, min_rows: 5}}

split:
  method: official
  val: 0.25

backbone:
  weights: {WEIGHTS}
  max_tokens: 32
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 8, learning_rate: 5e-2}}
  lora:
    adaptation: {{method: lora, r: 4, alpha: 8, target_modules: [query, value]}}
    train: {{epochs: 2, learning_rate: 5e-2}}
  full:
    adaptation: {{method: full}}
    train: {{epochs: 3, learning_rate: 4e-3}}

selection:
  resamples: 200
"""


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error that a user can act on; fails for anything else."""
        lines = self.err.splitlines()
        assert self.code not in (0, 1), self
        assert len(lines) == 1, self.err
        return lines[0]


@dataclass(frozen=True)
class Sandbox:
    """A workspace that a test may run commands in.

    Attributes:
        shares: whether its stages are forked from the server of all tests.
    """

    root: Path
    shares: bool = True

    @property
    def paths(self) -> Workspace:
        return Workspace(self.root)

    def start(self, *command: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a program in a process of its own, with the virtual environment on PATH."""
        self._find_server(same=not environment)
        env = self.environment() | environment
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.root, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    @staticmethod
    def environment() -> dict[str, str]:
        """Of a program that is started here."""
        path = os.environ["PATH"].removeprefix(f"{BIN}:")
        return own_environment() | {"PATH": f"{BIN}:{path}"}

    def run(self, *command: str, **environment: str) -> Outcome:
        """Run a program in a process of its own, to its end."""
        return wait(self.start(*command, **environment))

    def must(self, *command: str) -> str:
        """Run a program that has to succeed; returns what it wrote to stdout."""
        done = self.run(*command)
        assert done.code == 0, f"{' '.join(command)}\n{done.out}\n{done.err}"
        return done.out

    def finetrail(self, *arguments: str, **environment: str) -> Outcome:
        """Run a command of finetrail in this process: the same as in its own, without the seconds of imports."""
        from typer.testing import CliRunner

        from finetrail.cli.app import app

        self._find_server()
        before, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
        terminate = signal.getsignal(signal.SIGTERM)
        os.environ |= environment
        os.chdir(self.root)
        try:
            done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        finally:
            os.chdir(folder)
            signal.signal(signal.SIGTERM, terminate)
            sys.path[:] = path  # MLflow puts the code of a model that it loads in front
            os.environ.clear()
            os.environ.update(before)
        return Outcome(done.exit_code, done.stdout, done.stderr)

    def _find_server(self, same: bool = True) -> None:
        """Args: same: whether what is to run has the environment of the server of all tests."""
        if same and self.shares:
            share_server(self.root)
        else:
            leave_server(self.root)

    def edit(self, section: str, value: object) -> None:
        """Set one entry of params.yaml, named by its dotted path; None removes it."""
        yaml = YAML()
        params = yaml.load(self.paths.params.read_text(encoding="utf-8"))
        *parents, key = section.split(".")
        place = params
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[key]
        else:
            place[key] = value
        with self.paths.params.open("w", encoding="utf-8") as file:
            yaml.dump(params, file)

    def candidates(self) -> list[str]:
        """Their names, as params.yaml has them now."""
        return list(YAML(typ="safe").load(self.paths.params.read_text(encoding="utf-8"))["candidates"])

    def copy(self, to: Path) -> "Sandbox":
        """A copy whose MLflow database, if there is one, is empty: its artifacts would still lie in the original."""
        ignored = shutil.ignore_patterns(".finetrail")
        shutil.copytree(self.root, to, ignore=ignored, symlinks=True, dirs_exist_ok=True, copy_function=_copy)
        copy = Sandbox(to)
        if (self.paths.mlflow / empty_database.NAME).exists():
            empty_database.put(copy.paths.mlflow)
        return copy

    def twin(self, to: Path) -> "Sandbox":
        """A copy with the MLflow database, whose artifacts still lie in the original."""
        return Sandbox(Path(shutil.copytree(self.root, to, symlinks=True, copy_function=_copy)))

    def stages_of(self, repro: Outcome) -> list[str]:
        """The stages that a `dvc repro` ran, without those that it skipped or took out of its cache."""
        return re.findall(r"^Running stage '(.+)':$", repro.out, re.MULTILINE)


def _copy(file: str, to: str) -> None:
    """Copy a file; one of a thousand modules is linked, so who changes one writes another in its place."""
    if "/src/finetrail/" in file and file.endswith(".py"):
        os.link(file, to)
    else:
        shutil.copy2(file, to)


def wait(process: "subprocess.Popen[str]", seconds: float = 300) -> Outcome:
    """Wait for a program to end; one that does not is ended, with all that it started, and fails the test."""
    try:
        out, err = process.communicate(timeout=seconds)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return Outcome(process.returncode, out, err)


def contents(folder: Path, *without: str) -> dict[str, str]:
    """The hash of every file under a folder, but for those whose path starts with one of `without`."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names if not name.startswith(without)
    }


def lay_out(root: Path, params: str, files: dict[str, Path], *, fresh: bool = False) -> Sandbox:
    """Put dvc.yaml, code, params.yaml, data and backbone into an empty folder: all that a stage needs.

    Args:
        files: the user's own files and folders, by where they go.
        fresh: without MLflow's tables, as at a user's: the first training makes them, for seconds.
    """
    if not fresh:
        empty_database.put(Workspace(root).mlflow)
    for name in ("dvc.yaml", "requirements.lock", ".dvcignore", ".gitignore"):
        shutil.copyfile(REPOSITORY / name, root / name)
    for name in ("input", "weights", "unlabelled"):
        (root / "data" / name).mkdir(parents=True)
        shutil.copyfile(REPOSITORY / "data" / name / "README.md", root / "data" / name / "README.md")
    shutil.copytree(REPOSITORY / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copyfile(REPOSITORY / "data" / "corrections.csv", root / "data" / "corrections.csv")
    for name, file in files.items():
        (shutil.copytree if file.is_dir() else shutil.copyfile)(file, root / name)
    (root / "params.yaml").write_text(params.lstrip(), encoding="utf-8")
    return Sandbox(root)


def track(sandbox: Sandbox, *files: str) -> None:
    """Make it a repository of git and DVC, with the user's own files in `dvc add`, and commit."""
    for command in (
        "git init --quiet --initial-branch=main",
        "git config user.name Toy",
        "git config user.email toy@example.org",
        "dvc init --quiet",
        "dvc config core.analytics false",
        f"dvc add --quiet {' '.join(files)}",
        "git add --all",
        "git commit --quiet --message toy",
    ):
        sandbox.must(*command.split())
