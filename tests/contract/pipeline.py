"""dvc.yaml as it is after DVC has resolved it: one entry a stage, `train` once with a candidate's name for its key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "finetrail"
CODE = "src/finetrail/"


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml. Attributes: options: every key that an out, metric or plot carries."""

    name: str
    keys: frozenset[str]
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]
    options: frozenset[str]

    @property
    def code(self) -> set[str]:
        """The files of the package that it depends on, folders taken apart, relative to the package."""
        named = [SOURCE / dep.removeprefix(CODE) for dep in self.deps if dep.startswith(CODE)]
        files = [file for path in named for file in (path.rglob("*") if path.is_dir() else [path])]
        return {
            file.relative_to(SOURCE).as_posix() for file in files if file.is_file() and "__pycache__" not in file.parts
        }


def described() -> dict[str, Any]:
    """dvc.yaml as it stands."""
    content: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    return content


def left_out() -> dict[str, Any]:
    """Sections that params.yaml need not have: dvc.yaml says what they are where they are missing."""
    return {name: value for one in described().get("vars", []) for name, value in one.items()}


def stages() -> dict[str, Stage]:
    """The stages by name, in the order of the file."""
    return {name: _stage(name, entry.get("do", entry)) for name, entry in described()["stages"].items()}


def _stage(name: str, entry: dict[str, Any]) -> Stage:
    outs = [out for kind in ("outs", "metrics", "plots") for out in entry.get(kind, [])]
    return Stage(
        name=name,
        keys=frozenset(entry),
        deps=tuple(entry["deps"]),
        params=tuple(entry["params"]),
        outs=tuple(out if isinstance(out, str) else next(iter(out)) for out in outs),
        options=frozenset(key for out in outs if isinstance(out, dict) for key in next(iter(out.values()))),
    )
