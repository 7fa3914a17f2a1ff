"""Git and DVC are each called from one module, so that what they are asked, and how, stands in one place."""

import ast
from collections.abc import Iterator

import pytest

from tests.contract.pipeline import SOURCE

CODE = {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}
# What is given a program, or words that become its command.
TAKERS = {"call", "check_call", "check_output", "execv", "execvp", "must", "Popen", "run", "split", "system"}
# Git's module, those that run any program, and those that run nothing but Python and its installer.
STARTERS = {"programs/git.py", "programs/run.py", "programs/leash.py", "programs/ssh.py"}
STARTERS |= {"inference/launch.py", "locations.py", "programs/clean.py", "warm/place.py"}


@pytest.mark.parametrize("program", ["git", "dvc"])
def test_one_module_alone_calls_it(program: str) -> None:
    named = {name: code for name, code in CODE.items() if program in code}
    assert [name for name, code in named.items() if program in _called(code)] == [f"programs/{program}.py"]


def test_processes_are_started_where_it_is_known() -> None:
    modules = {"multiprocessing", "subprocess"}
    named = {name: code for name, code in CODE.items() if any(module in code for module in modules)}
    assert {name for name, code in named.items() if _imported(code) & modules} == STARTERS


@pytest.mark.parametrize(
    ("code", "program"),
    [
        ('subprocess.run(["git", "log"])', "git"),
        ('run(("git", *more), folder)', "git"),
        ('command = ["git"] + more', "git"),
        ('os.system("git log")', "git"),
        ('"git log".split()', "git"),
        ('run([sys.executable, "-m", "dvc", "repro"])', "dvc"),
        ('os.execvp("dvc", arguments)', "dvc"),
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str, program: str) -> None:
    assert _called(code) == {program}


@pytest.mark.parametrize("code", ['raise ValueError("git has other bytes")', 'folder / "dvc"', 'x = {"git": 1}'])
def test_words_are_no_calls(code: str) -> None:
    assert _called(code) == set()


def _called(code: str) -> set[str]:
    """Of git and DVC those that a module names in a command."""
    return {word for text in _commands(ast.parse(code)) if (word := text.partition(" ")[0]) in ("git", "dvc")}


def _commands(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.List | ast.Tuple):
            parts = node.elts
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in TAKERS:
            parts = [*node.args, getattr(node.func, "value", node.func)]  # the last of "git log".split()
        yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _imported(code: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names
