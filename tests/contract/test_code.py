"""What holds for every file of the package: small, of one job, nothing unpickled, and quick to start."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.pipeline import REPOSITORY, SOURCE

FILES = sorted(path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
MODULES = [path for path in FILES if path.suffix == ".py"]
# Whatever else of ours is run: a test may write a poisoned file, to see it refused.
OTHERS = sorted(path for name in ("flows", "bench", "docker", "tests") for path in (REPOSITORY / name).rglob("*.py"))
WRITERS = {"torch.save", "pickle.dumps", "pickle.dump"}
# Shows first that its poisoned file does run code where it is let.
ARMED = {"tests/unit/contents/image/backbones/test_state_dicts.py": {"torch.load without weights_only=True"}}
UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
# Calls that read or write pickles, or run code that a file holds.
_RUNNING = {
    "torch.save",
    "torch.jit.load",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "pickle.dump",
    "pickle.dumps",
    "mlflow.sklearn.load_model",
    "mlflow.pytorch.load_model",
}
# `finetrail --help`, `check`, and each stage until it knows what it needs: seconds of import apiece.
HEAVY = ["accelerate", "datasets", "great_expectations", "mlflow", "numpy", "pandas", "peft", "pyarrow", "sklearn"]
HEAVY += ["torch", "transformers"]


def _id(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_a_file_is_small_and_named_for_its_job(path: Path) -> None:
    lines = path.read_bytes().count(b"\n")
    assert lines <= 250
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_nothing_is_unpickled(path: Path) -> None:
    """A pickle runs code when it is read: weights and results are safetensors, Parquet, CSV and JSON."""
    assert list(_unpickling(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_nothing_is_unpickled_around_the_package(path: Path) -> None:
    found = _unpickling(ast.parse(path.read_text(encoding="utf-8")))
    name = path.relative_to(REPOSITORY).as_posix()
    allowed = WRITERS | {"pickle"} | ARMED.get(name, set()) if name.startswith("tests/") else set()
    assert [one for one in found if one not in allowed] == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "pickle.loads(data)",
        "pickle.load(file)",
        "pickle.Unpickler(file).load()",
        "mlflow.sklearn.load_model('models:/a/1')",
        "import yaml",  # PyYAML's loaders may make any object; ruamel's safe one does not
        "yaml.unsafe_load(text)",
        "YAML(typ='unsafe')",
        "torch.load('x.pt', pickle_module=dill, weights_only=True)",
        "torch.jit.load('x.pt')",
        "np.load('x.npy', None, True)",
        "from joblib import load",
        "import numpy as np\nnp.load('x.npy', allow_pickle=True)",
        "torch.load('x.pt')",
        "torch.load('x.pt', weights_only=False)",
        "pd.read_pickle('x.pkl')",
        "torch.save(model, 'x.pt')",
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str) -> None:
    assert list(_unpickling(ast.parse(code)))


def test_weights_only_is_no_unpickling() -> None:
    assert list(_unpickling(ast.parse("torch.load('x.pt', weights_only=True)"))) == []


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("finetrail.cli.app", HEAVY),
        # The packed model answers in a process of its own: who registers it need not load it.
        ("finetrail.stages.register, finetrail.registry.packing, finetrail.serving.served", ["torch", "transformers"]),
    ],
    ids=["command line", "register"],
)
def test_what_starts_often_starts_without_heavy_imports(modules: str, heavy: list[str]) -> None:
    code = f"import sys, {modules}; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def _unpickling(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLERS:
            yield f"from {node.module}"
        elif isinstance(node, ast.Call):
            yield from _unpickling_call(node)


def _unpickling_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if given.get("allow_pickle", "False") != "False":
        yield f"{name}(allow_pickle=...)"
    if name == "torch.load" and given.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    if name == "np.load" and len(call.args) > 2:
        yield "np.load with a positional allow_pickle"
    if "pickle_module" in given or name in _RUNNING or name.endswith(("read_pickle", "to_pickle", "unsafe_load")):
        yield name
    if name.endswith("YAML") and given.get("typ") == "'unsafe'":
        yield "YAML(typ='unsafe')"
