"""A trained model by its address: a registered one, or a folder that holds one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from finetrail.errors import ConfigError, DataError, ModelError
from finetrail.programs.clean import complaint, run_clean
from finetrail.registry.ledger import open_ledger
from finetrail.registry.sealed import fetch_model, fetch_sealed
from finetrail.registry.versions import find, parse_address
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import connect
from finetrail.serving import as_served as served_script
from finetrail.serving.answer import answer
from finetrail.targets.options import Options
from finetrail.tasks.registry import load_model, task_of
from finetrail.tasks.task import DESCRIPTION, Task, read_description
from finetrail.workspace import Workspace

_NAMES = "write models:/NAME@ALIAS or models:/NAME/VERSION"


@dataclass(frozen=True)
class Scorer:
    """A model that is ready to answer.

    Attributes:
        columns: the names of the contents that it reads.
        name: the registered version, or the folder.
        fingerprint: the hash of its files.
        answer: gives a row for each content, in their order; raises a DataError where one cannot be read.
        kinds: the columns of an answer, and their types.
    """

    task: Task
    columns: tuple[str, ...]
    name: str
    fingerprint: str
    answer: Callable[[list[Any], Options], pd.DataFrame]
    kinds: Mapping[str, str]


@contextmanager
def open_scorer(workspace: Workspace, model: str, *, as_served: bool = False) -> Iterator[Scorer]:
    """Load a model; a registered one, after all its files were checked against its seal.

    Args:
        model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or a folder: one of MLflow's, or one of `data/models`.
        as_served: answer with the code that was registered with the model, as MLflow serves it; else the installed
            finetrail reads its weights.

    Raises:
        ConfigError: a folder of `data/models` has no code to serve.
        LedgerError: the ledger is not what it was.
        ModelError: the folder holds no model.
        RefusedError: there is no such version.
        TrackingError: the registry does not answer, or the files are not what was registered.
    """
    if Path(model).is_dir():
        folder = Path(model)
        yield _scorer(folder, model, hash_folder(model_folder(folder)), as_served)
        return
    tracker = connect(workspace, parse_address(model, _NAMES)[0])
    known = find(tracker, *parse_address(model, _NAMES))
    ledger = open_ledger(tracker, known.name, workspace.root)
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace.scratch, prefix="version-") as temporary:
        fetched = fetch_sealed if as_served else fetch_model
        folder = fetched(ledger, ledger.read(), known, Path(temporary) / "version")
        yield _scorer(folder, known.address, known.fingerprint, as_served)


def model_folder(folder: Path) -> Path:
    """The folder with model.json: the given one, or the one inside an MLflow model.

    Raises:
        ModelError: there is none.
    """
    found = [*folder.glob(DESCRIPTION), *folder.glob(f"artifacts/*/{DESCRIPTION}")]
    if len(found) != 1:
        raise ModelError(f"{folder} holds no {DESCRIPTION}, so it is not a finetrail model; name another")
    return found[0].parent


def _scorer(folder: Path, name: str, fingerprint: str, as_served: bool) -> Scorer:
    inside = model_folder(folder)
    described = read_description(inside)
    task, columns = task_of(described), tuple(described["columns"])
    kinds = task.target.codec(described["target"]).kinds
    if not as_served:
        built = load_model(inside)
        return Scorer(task, columns, name, fingerprint, partial(answer, built), kinds)
    if not (folder / "MLmodel").exists():
        raise ConfigError(f"{folder} is not served: it has no MLmodel; leave out --as-served")
    return Scorer(task, columns, name, f"{fingerprint} as served", partial(_ask, folder, columns), kinds)


def _ask(folder: Path, columns: Sequence[str], contents: list[Any], options: Options) -> pd.DataFrame:
    """The answers of a packed model's own code, in a process that does not have the installed one."""
    if not contents:
        return answer(load_model(model_folder(folder)), [], options)
    parts = {name: [one[name] if isinstance(one, dict) else one for one in contents] for name in columns}
    with TemporaryDirectory(prefix="finetrail-served-") as temporary:
        rows, answers = Path(temporary) / "rows.parquet", Path(temporary) / "answers.parquet"
        pd.DataFrame(parts, dtype=object).to_parquet(rows, index=False)
        asked = options.model_dump_json(exclude_unset=True)
        done = run_clean(
            Path(served_script.__file__), [str(folder.resolve()), str(rows), str(answers), asked], Path(temporary)
        )
        if done.returncode != 0:
            raise DataError(f"the registered code does not answer ({complaint(done)}); leave out --as-served")
        found = pd.read_parquet(answers)
    if missing := [name for name in options.added if name not in found]:
        raise DataError(f"the registered code gives no {missing[0]}: it is older; leave out --as-served")
    return found
