"""Files that run code when they are unpickled, in every place that finetrail reads: refused, and nothing runs.

Weights in `.pt` are in contents/image/backbones/test_state_dicts.py, the packed model in proof/test_round_trip.py.
"""

import contextlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError, FinetrailError, ModelError, SourceError
from finetrail.targets.classes import CLASSES
from finetrail.tasks.registry import get_task, load_model
from finetrail.training.checkpoints import Checkpoints
from tests.unit.sections_of import TEXTS, source_of


class Poison:
    """What makes a file when it is unpickled."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.touched,))


@pytest.fixture
def touched(tmp_path: Path) -> Path:
    return tmp_path / "touched"


@pytest.fixture
def poison(touched: Path) -> bytes:
    return pickle.dumps(Poison(touched))


def read(root: Path, name: str, **more: Any) -> None:
    list(source_of(TEXTS, path=name, **more).read(root))


@pytest.mark.parametrize("name", ["rows.pkl", "rows.npy", "rows.npz", "rows.joblib"])
def test_data_of_a_pickling_format_is_of_no_known_format(
    tmp_path: Path, poison: bytes, touched: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(poison)
    with pytest.raises(ConfigError, match="cannot tell its format"):
        read(tmp_path, name)
    assert not touched.exists()


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_pickle_under_another_name_is_not_data(tmp_path: Path, poison: bytes, touched: Path, kind: str) -> None:
    (tmp_path / f"rows.{kind}").write_bytes(poison)
    with pytest.raises(SourceError, match=f"rows.{kind}"):
        read(tmp_path, f"rows.{kind}")
    assert not touched.exists()


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_an_array_of_objects_is_not_data(tmp_path: Path, touched: Path, kind: str) -> None:
    with (tmp_path / "rows.npy").open("wb") as file:
        np.save(file, np.array([Poison(touched)], dtype=object))
    with pytest.raises(SourceError, match=r"rows\.npy"):
        read(tmp_path, "rows.npy", format=kind)
    assert not touched.exists()


def test_pickles_in_the_cells_of_a_table_stay_bytes(tmp_path: Path, poison: bytes, touched: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": [poison, poison], "label": ["a", "b"]}), tmp_path / "rows.parquet")
    with contextlib.suppress(FinetrailError):  # whether bytes are an error of the file or of a row is not asked here
        read(tmp_path, "rows.parquet")
    assert not touched.exists()


def test_a_saved_model_with_a_pickle_for_its_weights(
    saved_model: Path, tmp_path: Path, poison: bytes, touched: Path
) -> None:
    folder = Path(shutil.copytree(saved_model, tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(poison)
    with pytest.raises(ModelError, match="not a complete safetensors file"):
        load_model(folder)
    assert not touched.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda tensor: (tensor * 100).to(torch.int8),
            "is quantised: .* stored as I8; name weights in F64, F32, F1",
        ),
        (lambda tensor: tensor.to(torch.float8_e4m3fn), "is quantised: .* is stored as F8_E4M3"),
        (lambda tensor: tensor * float("nan"), "has NaN or infinity in .*; fetch the weights again, or name others"),
    ],
    ids=["int8", "float8", "nan"],
)
def test_a_backbone_that_cannot_be_trained(
    encoder_folder: Path, tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor], said: str
) -> None:
    """Cast to floats, or blamed on the learning rate, it would be trained without a word."""
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "encoder"))
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith("query.weight"))
    save_file({**tensors, name: change(tensors[name])}, folder / "model.safetensors", {"format": "pt"})
    settings = TextBackbone(weights=str(folder), max_tokens=16)
    with pytest.raises(ModelError, match=said):
        get_task(TEXTS).build(settings, CLASSES.learned({"labels": ["a", "b"]}), Path(), ["text"])


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_backbone_with_a_pickle_for_its_weights(
    encoder_folder: Path, tmp_path: Path, poison: bytes, touched: Path, name: str
) -> None:
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "encoder"))
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(poison)
    settings = TextBackbone(weights=str(folder), max_tokens=16)
    with pytest.raises(ModelError, match="encoder"):
        get_task(TEXTS).build(settings, CLASSES.learned({"labels": ["a", "b"]}), Path(), ["text"])
    assert not touched.exists()


def test_a_poisoned_checkpoint_is_passed_over(
    tmp_path: Path, poison: bytes, touched: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import hashlib

    checkpoints = Checkpoints(tmp_path / "checkpoints")
    name = f"step-000000001-{hashlib.sha256(poison).hexdigest()[:16]}.safetensors"  # its name says that it is whole
    (checkpoints.folder / name).write_bytes(poison)
    assert checkpoints.newest() is None
    assert "is damaged" in caplog.text
    assert not touched.exists()


def test_the_poison_works_on_those_who_take_it(poison: bytes, touched: Path) -> None:
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", f"import pickle; pickle.loads({poison!r})"], check=True)
    assert touched.exists()
