"""Outside of contents/, targets/ and tasks/ nobody names a kind of content, a kind of target or a task.

A branch on a kind would have to be found and extended for each new task; a name in a string is how one begins.
`finetrail init` has to find the task, because nobody has named one yet: each shape of data names its own.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetrail.tasks.registry import TASKS, all_tasks, get_task
from tests.contract.pipeline import SOURCE

PLUGS = ("contents", "targets", "tasks", "starting/shapes")
KINDS = {
    name for task in all_tasks() for name in (task.name, task.target.name, task.target.problem_type, task.content.name)
}
# The same words where they mean something else.
OTHER_MEANINGS = {
    ("evaluation/report/drawing.py", "text"): "an element of SVG",
    ("evaluation/report/previews.py", "text"): "what a preview is shown as",
    ("evaluation/report/previews.py", "image"): "what a preview is shown as",
    ("data/splitting/splits.py", "text"): "goes into a hash, whatever a row holds: another word, and every split moves",
    ("starting/names.py", "text"): "a usual name of a column",
    ("starting/names.py", "tags"): "a usual name of a column",
    ("proof/registered.py", "tags"): "those of a version in MLflow",
}
DECIDING = {"problem", "problem_type"}

FILES = sorted(path for path in SOURCE.rglob("*.py") if not any(path.is_relative_to(SOURCE / plug) for plug in PLUGS))


def named_in(source: str) -> Iterator[str]:
    """What of a module's source names a kind or decides by one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in KINDS:
            yield str(node.value)
        elif isinstance(node, ast.Compare):
            yield from (side.attr for side in _sides(node) if isinstance(side, ast.Attribute) and side.attr in DECIDING)
            yield from (side.id for side in _sides(node) if isinstance(side, ast.Name) and side.id in DECIDING)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from (name for name in modules if _is_kind(name))


def _sides(compared: ast.Compare) -> list[ast.expr]:
    return [compared.left, *compared.comparators]


def _is_kind(module: str) -> bool:
    room, _, kind = module.removeprefix("finetrail.").partition(".")
    return room in ("contents", "targets") and bool(kind) and (SOURCE / room / kind.partition(".")[0]).is_dir()


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_outside_of_the_plugs_names_a_kind(file: Path) -> None:
    name = file.relative_to(SOURCE).as_posix()
    found = {word for word in named_in(file.read_text(encoding="utf-8")) if (name, word) not in OTHER_MEANINGS}
    assert found == set()


@pytest.mark.parametrize(
    "planted",
    [
        'if task.target.name == "numbers":\n    pass',
        'REGISTRY = {"text-classification": 1}',
        "if built.problem == REGRESSION:\n    pass",
        "if problem_type != other:\n    pass",
        'match kind:\n    case "image":\n        pass',
        "from finetrail.targets.numbers import NUMBERS",
        "from finetrail.contents.image.decode import decode",
        "import finetrail.targets.tags.codec",
    ],
)
def test_a_planted_branch_is_found(planted: str) -> None:
    assert list(named_in(planted))


@pytest.mark.parametrize("clean", ["from finetrail.targets.target import Codec", "x = judge.right(labels, answers)"])
def test_what_the_house_does_everywhere_is_no_branch(clean: str) -> None:
    assert not list(named_in(clean))


def test_every_other_meaning_is_still_there() -> None:
    stale = {
        (name, word)
        for name, word in OTHER_MEANINGS
        if word not in named_in((SOURCE / name).read_text(encoding="utf-8"))
    }
    assert stale == set()


def test_every_module_of_a_task_is_in_the_table() -> None:
    modules = {path.stem for path in (SOURCE / "tasks").glob("*.py")} - {"__init__", "task", "registry"}
    assert modules == set(TASKS.values())
    assert {task.name for task in all_tasks()} == set(TASKS)
    assert all(get_task(task.name, task.target.problem_type) is task for task in all_tasks())
