"""What the unit tests share: an encoder small enough to count its weights by hand, and one MLflow database."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from finetrail.contents.text.settings import TextBackbone
from tests.unit.decoders import KINDS, small_decoder
from tests.warm_server import REPOSITORY, share_server

if TYPE_CHECKING:
    from finetrail.registry.packing import Version
    from finetrail.runs.tracking import Tracker

POSITIVE, NEGATIVE = ["good", "fine", "great", "superb", "happy"], ["bad", "poor", "awful", "weak", "sad"]
NEUTRAL = ["table", "chair", "window", "door", "house", "river", "stone", "cloud"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 40

# The first call of a test may import a library, and a busy machine is no failure.
hypothesis.settings.register_profile("unit", deadline=None)
hypothesis.settings.load_profile("unit")


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 40 words, 2 layers of 16 dimensions and 32 positions, with its WordPiece tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    letters = [f"##{letter}" for letter in "abcdefghijklmnopq"]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *POSITIVE, *NEGATIVE, *NEUTRAL, *letters])}
    assert len(vocabulary) == VOCABULARY
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.2,  # an untrained model with the usual 0.02 hardly tells texts apart
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(config)
    folder = tmp_path_factory.mktemp("encoder")
    model.save_pretrained(folder)
    BertTokenizer(vocab=vocabulary, model_max_length=32).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(encoder_folder: Path) -> TextBackbone:
    """The section of params.yaml that names the small encoder; without dropout, so that training is comparable."""
    return TextBackbone(weights=str(encoder_folder), max_tokens=16, dropout=0.0)


@pytest.fixture(scope="session")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TextBackbone]:
    """The same of small decoders, by their kind."""
    folder = tmp_path_factory.mktemp("decoders")
    weights = {kind: small_decoder(kind, folder / kind) for kind in KINDS}
    return {kind: TextBackbone(weights=str(weights[kind]), max_tokens=32, dropout=0.0) for kind in KINDS}


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The module's clean processes are forked; its folder is another one meanwhile."""
    folder = tmp_path_factory.mktemp("forked")
    (folder / "params.yaml").touch()
    shutil.copyfile(REPOSITORY / "requirements.lock", folder / "requirements.lock")
    share_server(folder)
    with contextlib.chdir(folder):
        yield


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an MLflow database with its tables: making them takes seconds, so all tests share one."""
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace

    before = dict(os.environ)
    try:
        return connect(Workspace(tmp_path_factory.mktemp("mlflow")), "first").uri
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def tracker(
    mlflow_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> "Tracker":
    """The shared database, with an experiment for this test alone."""
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace

    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    return connect(Workspace(tmp_path), request.node.name)


@pytest.fixture(scope="session")
def saved_model(backbone: TextBackbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small text classifier with two labels, as `train` leaves it."""
    import torch

    from finetrail.tasks.registry import get_task

    task = get_task("text-classification")
    with torch.random.fork_rng():
        torch.manual_seed(2)
        built = task.build(backbone, task.target.learned({"labels": ["bad", "good"]}), Path(), ["text"])
    built.processor.encode(["good"])
    folder = tmp_path_factory.mktemp("saved")
    task.save(built, backbone, folder)
    return folder


@pytest.fixture(scope="session")
def paired_model(backbone: TextBackbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier of two texts, a question and an answer, as `train` leaves it."""
    import torch

    from finetrail.tasks.registry import get_task

    task, folder = get_task("text-classification"), tmp_path_factory.mktemp("paired")
    learning = task.target.learned({"labels": ["bad", "good"]})
    with torch.random.fork_rng():
        torch.manual_seed(2)
        task.save(task.build(backbone, learning, folder, ["question", "answer"]), backbone, folder)
    return folder


@pytest.fixture(scope="session")
def registered(
    mlflow_database: str, saved_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> "tuple[Version, str]":
    """The small classifier in MLflow's registry as `shared`, and the run that it belongs to."""
    from finetrail.registry.ledger import Ledger
    from finetrail.registry.packing import register
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace
    from tests.unit.recorded import packing_of

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
        tracker = connect(Workspace(tmp_path_factory.mktemp("registered")), "shared")
        run_id = tracker.start("full", {}, {}, [])
        tracker.end(run_id)
        tags, packing = {"finetrail.why": "full leads"}, packing_of(saved_model)
        ledger = Ledger(tracker, "shared", "Ada")
        return register(ledger, run_id, model=saved_model, packing=packing, tags=tags), run_id


@pytest.fixture(scope="session")
def image_model(mlflow_database: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A classifier of images in MLflow's registry: its address there. See tests/unit/red_or_blue.py."""
    from finetrail.registry.ledger import Ledger
    from finetrail.registry.packing import register
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace
    from tests.unit.recorded import packing_of
    from tests.unit.red_or_blue import save_red_or_blue

    folder = tmp_path_factory.mktemp("red-or-blue")
    save_red_or_blue(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
        tracker = connect(Workspace(tmp_path_factory.mktemp("images")), "images")
        run_id = tracker.start("full", {}, {}, [])
        tracker.end(run_id)
        ledger = Ledger(tracker, "images", "Ada")
        version = register(ledger, run_id, model=folder, packing=packing_of(folder), tags={})
        return f"models:/images/{version.version}"
