"""A task builds, saves and loads a model that answers the same, bit for bit, from its own folder alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError, ModelError
from finetrail.inference.predict import predict
from finetrail.models.network import count_parameters
from finetrail.runs.hashes import hash_folder
from finetrail.targets.classes import CLASSES
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built

LABELS = ["bad", "good", "neutral"]
LEARNING = CLASSES.learned({"labels": LABELS})
TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "", "cloud " * 30]


@pytest.fixture(scope="module")
def built(backbone: TextBackbone) -> Built:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return get_task("text-classification").build(backbone, LEARNING, Path(), ["text"])


@pytest.fixture(scope="module")
def saved(built: Built, backbone: TextBackbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    get_task("text-classification").save(built, backbone, folder)
    return folder


def damaged(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "damaged"))


def test_a_new_head_has_an_answer_for_each_label(built: Built) -> None:
    # Embeddings 40 words + 32 positions + 2 segments of 16, and a norm: 1216. A layer: 4 square products 272 each, two
    # norms 32 each, up 544, down 528: 2224. The head: 16 x 3 + 3.
    assert count_parameters(built.model) == {"trainable": 1216 + 2 * 2224 + 51, "total": 5715}
    outputs = predict(built.model, built.processor.encode(TEXTS), LEARNING.keep, 2)
    assert isinstance(outputs, np.ndarray)
    assert outputs.shape == (5, 3)


def test_a_saved_model_gives_the_same_logits_bit_for_bit(built: Built, saved: Path, tmp_path: Path) -> None:
    expected = predict(built.model, built.processor.encode(TEXTS), LEARNING.keep, 2)
    moved = Path(shutil.move(shutil.copytree(saved, tmp_path / "copy"), tmp_path / "moved"))
    for folder in (saved, moved):
        loaded = load_model(folder)
        assert loaded.codec == built.codec
        assert not loaded.model.training
        found = predict(loaded.model, loaded.processor.encode(TEXTS), loaded.learning.keep, 2)
        np.testing.assert_array_equal(found, expected)


def test_equal_models_are_saved_as_equal_bytes(backbone: TextBackbone, encoder_folder: Path, tmp_path: Path) -> None:
    task = get_task("text-classification")
    moved = backbone.model_copy(update={"weights": str(shutil.copytree(encoder_folder, tmp_path / "elsewhere"))})
    for name, settings in (("one", backbone), ("two", moved)):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            again = task.build(settings, LEARNING, tmp_path, ["text"])
        again.processor.encode(TEXTS)
        task.save(again, settings, tmp_path / name)
    assert hash_folder(tmp_path / "one") == hash_folder(tmp_path / "two")


def test_a_saved_model_is_self_contained_and_holds_no_pickle(saved: Path, encoder_folder: Path) -> None:
    names = {path.relative_to(saved).as_posix() for path in saved.rglob("*") if path.is_file()}
    assert {"model.json", "model.safetensors", "backbone/config.json", "backbone/tokenizer.json"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".txt"}
    assert not any(str(encoder_folder).encode() in (saved / name).read_bytes() for name in names)
    described = json.loads((saved / "model.json").read_text())
    assert described == {
        "format": 2,
        "task": "text-classification",
        "problem_type": "single_label_classification",
        "columns": ["text"],
        "backbone": {
            "weights": "backbone",
            "max_tokens": 16,
            "layers": None,
            "separator": None,
            "pooling": "mean",
            "dropout": 0.0,
            "head_dropout": 0.0,
        },
        "target": {"labels": ["bad", "good", "neutral"], "temperature": 1.0},
    }


def test_more_than_nine_labels_keep_their_order(backbone: TextBackbone, tmp_path: Path) -> None:
    labels = [f"topic {number}" for number in range(12)]
    task = get_task("text-classification")
    task.save(task.build(backbone, CLASSES.learned({"labels": labels}), Path(), ["text"]), backbone, tmp_path)
    assert load_model(tmp_path).codec.outputs == labels


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model\.json, so it is not a finetrail model; train one with `dvc "):
        load_model(tmp_path)


def test_a_model_of_an_unknown_task_is_refused(saved: Path, tmp_path: Path) -> None:
    folder = damaged(saved, tmp_path)
    described = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(described | {"task": "chat"}))
    with pytest.raises(ConfigError, match="task is 'chat': unknown task"):
        load_model(folder)


@pytest.mark.parametrize("written", [{"format": 1}, {"format": 3}])
def test_a_model_of_another_format_is_refused(saved: Path, tmp_path: Path, written: dict[str, int]) -> None:
    folder = damaged(saved, tmp_path)
    described = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(described | written))
    with pytest.raises(
        ModelError, match=rf"has format {written['format']}, but this finetrail reads format 2; train it"
    ):
        load_model(folder)
    (folder / "model.json").write_text(json.dumps({"task": "text-classification", "id2label": {"0": "bad"}}))
    with pytest.raises(ModelError, match="has format 1"):
        load_model(folder)


@pytest.mark.parametrize("missing", ["model.safetensors", "backbone/config.json", "backbone/tokenizer.json"])
def test_a_model_that_is_not_whole_is_refused(saved: Path, tmp_path: Path, missing: str) -> None:
    folder = damaged(saved, tmp_path)
    (folder / missing).unlink()
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_the_labels_are_refused(saved: Path, tmp_path: Path) -> None:
    folder = damaged(saved, tmp_path)
    described = json.loads((folder / "model.json").read_text())
    described["target"]["labels"].pop()
    (folder / "model.json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match=r"model\.safetensors does not fit its configuration \(.*head\.weight"):
        load_model(folder)
