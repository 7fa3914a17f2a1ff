"""What dvc.yaml promises: no look at the test split, nothing outside the cache, dependencies that are the real ones.

A dependency too few leaves a stale result in place; one too many trains again for nothing.
"""

import ast
import functools
from pathlib import Path

import grimp
import pytest

from finetrail.sections import sections
from finetrail.tasks.registry import all_tasks
from tests.contract.pipeline import CODE, REPOSITORY, SOURCE, described, left_out, stages

STAGES = stages()
BEFORE_TEST = ["ingest", "validate", "split", "unlabelled", "train", "select", "assess"]
TEST_SPLIT = "data/splits/test"

# Rooms and modules that carry values and decide nothing about them, so that editing one runs no stage again: messages,
# paths, progress bars, the base of the settings, and the mirror in MLflow with its ledger.
PLUMBING = {
    "errors",
    "programs",
    "progress",
    "redaction",
    "run_paths",
    "runs",
    "settings",
    "workspace",
    "registry.answered",
    "registry.assessments",
    "registry.chain",
    "registry.ledger",
    "registry.scorings",
}
# A table of a few columns, in one format for all.
FORMATS = {"serving.predictions"}

# What a stage is given decides what it does: a section that a task made of its content and its target, or a candidate.
BY_TASK = {"ingest", "validate", "split", "unlabelled", "assess"}
TRAINING = {"train", "assess"}
GIVEN = {stage: {"contents", "targets"} for stage in BY_TASK} | {"train": {"adaptation"}}

# Names the MLflow experiment, and enters no file that the stage writes.
NOT_IN_ANY_OUT = {"train": {"project"}, "assess": {"project"}}


def test_a_section_that_may_be_left_out_is_empty_then_and_makes_no_stage() -> None:
    assert left_out() == {"assess": {}, "unlabelled": {}}
    for name in left_out():
        assert described()["stages"][name]["foreach"] == f"${{{name}}}"


def test_the_order_of_the_stages() -> None:
    assert list(STAGES) == [*BEFORE_TEST, "test", "register"]


def test_nothing_up_to_select_depends_on_the_test_split() -> None:
    """Directly, as a folder above or below it, or through what another stage made of it."""
    tainted = {TEST_SPLIT}
    spoilt: set[str] = set()
    for _ in STAGES:  # the order of the file need not be that of the graph
        for stage in STAGES.values():
            if any(_overlap(dep, out) for dep in stage.deps for out in tainted):
                spoilt.add(stage.name)
                tainted |= set(stage.outs)
    assert spoilt == {"test", "register"}
    assert [name for name, stage in STAGES.items() if TEST_SPLIT in stage.outs] == ["split"]


def _overlap(one: str, other: str) -> bool:
    first, second = Path(one), Path(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


@pytest.mark.parametrize("name", STAGES)
def test_every_out_is_cached_and_every_run_repeatable(name: str) -> None:
    """`cache: false` and `persist: true` both break the run-cache: a fresh clone would train again."""
    stage = STAGES[name]
    assert not stage.options & {"cache", "persist"}
    assert not stage.keys & {"always_changed", "frozen"}
    assert stage.deps
    assert stage.outs


@pytest.mark.parametrize("name", STAGES)
def test_code_dependencies_are_the_rooms_that_the_stage_works_with(name: str) -> None:
    """All that it imports lies in them; and none is named of which nothing is imported."""
    used = _used_by(f"finetrail.stages.{name}")
    assert used - STAGES[name].code == set()
    named = [dep.removeprefix(CODE) for dep in STAGES[name].deps if dep.startswith(CODE)]
    assert [dep for dep in named if not any(Path(file).is_relative_to(dep) for file in used)] == []


def test_a_stage_names_few_dependencies_on_code() -> None:
    assert sum(dep.startswith(CODE) for stage in STAGES.values() for dep in stage.deps) <= 86


def test_training_depends_on_the_pinned_libraries() -> None:
    """The same code with another torch is another model; DVC's own keys know nothing of libraries."""
    assert "requirements.lock" in STAGES["train"].deps


@pytest.mark.parametrize("name", STAGES)
def test_params_are_the_sections_that_the_command_hands_over(name: str) -> None:
    listed = {param.split(".")[0] for param in STAGES[name].params}
    handed = _sections_read_by(name)
    if name == "train":
        assert "candidates.${key}" in STAGES[name].params, "an edit of one candidate would train all of them"
    if name in TRAINING:
        handed |= {"backbone", "train"}  # config.py lays each candidate over these
    if name in BY_TASK:
        handed |= {"task"}
    assert listed == handed - NOT_IN_ANY_OUT.get(name, set())


def test_every_section_that_dvc_reads_must_be_in_params_yaml() -> None:
    """DVC stops at a missing key, whatever default it has: `finetrail check` must say so first."""
    read = {param.split(".")[0] for stage in STAGES.values() for param in stage.params} - set(left_out())
    for task in all_tasks():
        assert {name for name in read if not sections(task).model_fields[name].is_required()} == set()


def _used_by(module: str) -> set[str]:
    """The files that decide what a stage writes: its own, and of all that it imports those that are no plumbing."""
    graph = _without_plumbing()
    reached = {module} | graph.find_upstream_modules(module)
    given = GIVEN.get(module.rpartition(".")[2], set())
    reached |= {name for name in graph.modules if given & set(name.split(".")[1:2])}
    files = {_file_of(name) for name in reached} | {file for name in reached for file in _files_beside(name)}
    return {file.relative_to(SOURCE).as_posix() for file in files if file.name != "__init__.py"}


@functools.cache
def _without_plumbing() -> grimp.ImportGraph:
    """What imports what, names in strings included."""
    graph = grimp.build_graph("finetrail", exclude_type_checking_imports=True, cache_dir=None)
    modules = sorted(graph.modules)
    for importer in modules:
        for imported in _named_in(importer, modules):
            graph.add_import(importer=importer, imported=imported)
    for plumbing in PLUMBING | FORMATS:
        for name in [name for name in modules if f"{name}.".startswith(f"finetrail.{plumbing}.")]:
            graph.remove_module(name)
    return graph


def _named_in(module: str, modules: list[str]) -> list[str]:
    """Modules that are imported by a name in a string, as tasks are, or run from their file, as serving.py is."""
    words = _strings(_file_of(module))
    return [name for name in modules if name != module and not words.isdisjoint({name, _file_of(name).name})]


@functools.cache
def _files_beside(module: str) -> list[Path]:
    """Templates that the module names in a string, and the styles that these include."""
    others = [path for path in _file_of(module).parent.iterdir() if path.is_file() and path.suffix != ".py"]
    named = [path for path in others if path.name in _strings(_file_of(module))]
    text = "".join(path.read_text(encoding="utf-8") for path in named)
    return named + [path for path in others if f'"{path.name}"' in text]


@functools.cache
def _strings(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@functools.cache
def _file_of(module: str) -> Path:
    path = REPOSITORY / "src" / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _sections_read_by(command: str) -> set[str]:
    """Every `params.X` in the body of a command of cli/app.py."""
    tree = ast.parse((SOURCE / "cli" / "app.py").read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == command)
    return {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params"
    }
