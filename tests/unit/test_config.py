"""params.yaml: what it says, and how it is refused: in one line that names the key, the value and what is allowed."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from finetrail.models.backbone_settings import ImageBackbone, TextBackbone

from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.config import Params, load_params
from finetrail.data.sources.place import ImageSource
from finetrail.errors import ConfigError

MISSING = object()
RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def params(edits: dict[str, Any]) -> dict[str, Any]:
    """A small valid params.yaml with edits by dotted key; `MISSING` takes a key out."""
    values: dict[str, Any] = {
        "project": "demo",
        "task": "text-classification",
        "seed": 0,
        "source": {"path": "data/input/reviews.csv"},
        "backbone": {"weights": "hf://owner/encoder", "max_tokens": 64},
        "candidates": {"probe": {"adaptation": {"method": "linear_probe"}}},
    } | {section: {} for section in ("validation", "split", "train", "selection")}
    for key, value in ((key, copy.deepcopy(value) if value is not MISSING else value) for key, value in edits.items()):
        *sections, last = key.split(".")
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        if value is MISSING:
            del inner[last]
        else:
            inner[last] = value
    return values


def load(tmp_path: Path, edits: dict[str, Any]) -> Params:
    return load_text(tmp_path, json.dumps(params(edits)).encode())  # JSON is YAML


def load_text(tmp_path: Path, text: bytes) -> Params:
    (tmp_path / "params.yaml").write_bytes(text)
    return load_params(tmp_path / "params.yaml")


def refusal(tmp_path: Path, edits: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, edits)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_empty_section_is_all_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path, {})
    assert (loaded.seed, loaded.train.epochs, loaded.split.method) == (0, 3, "stratified")
    assert loaded.candidates["probe"].train == loaded.train
    assert loaded.candidates["probe"].adaptation == LinearProbe(method="linear_probe")


def test_a_candidate_says_only_what_differs_from_the_common_sections(tmp_path: Path) -> None:
    low_rank = {
        "adaptation": {"method": "lora", "r": 2, "target_modules": ["query"]},
        "backbone": {"max_tokens": 32},
        "train": {"epochs": 9},
    }
    loaded = load(tmp_path, {"train": {"epochs": 2, "batch_size": 4}, "candidates.low": low_rank})
    low, probe = loaded.candidates["low"], loaded.candidates["probe"]
    assert (low.train.epochs, low.train.batch_size) == (9, 4)
    assert (probe.train.epochs, probe.train.batch_size) == (2, 4)
    assert low.backbone == TextBackbone(weights="hf://owner/encoder", max_tokens=32)
    assert probe.backbone == loaded.backbone == TextBackbone(weights="hf://owner/encoder", max_tokens=64)
    assert low.adaptation == Lora(method="lora", r=2, target_modules=("query",))
    assert list(loaded.candidates) == ["probe", "low"]


@pytest.mark.parametrize("number", ["1e-3", "0.001", "1.0E-3", ".1e-2"])
def test_a_small_number_is_a_number_in_every_way_to_write_it(tmp_path: Path, number: str) -> None:
    text = json.dumps(params({"train": MISSING}))[:-1] + f', "train": {{learning_rate: {number}}}}}'
    assert load_text(tmp_path, text.encode()).train.learning_rate == 0.001


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_valid(recipe: Path) -> None:
    assert load_params(recipe).candidates


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"trian": {}}, "params.yaml: unknown key 'trian'; did you mean 'train'? allowed are project, task, seed, "),
        ({"colour": 1}, "params.yaml: unknown key 'colour'; allowed are project, "),
        ({"train.epoch": 3}, "params.yaml: train: unknown key 'epoch'; did you mean 'epochs'? allowed are epochs, "),
        (
            {"candidates.probe.adaptation": {"method": "lora", "rank": 4}},
            "params.yaml: candidates.probe.adaptation: unknown key 'rank'; allowed are method, r, alpha, ",
        ),
        ({"train.epochs": "3"}, "params.yaml: train.epochs is '3': must be a valid integer"),
        ({"seed": True}, "params.yaml: seed is True: must be a valid integer"),
        ({"seed": -1}, "params.yaml: seed is -1: must be greater than or equal to 0"),
        (
            {"train.schedule": "step"},
            "params.yaml: train.schedule is 'step': must be 'cosine', 'linear', 'constant', 'one_cycle' or 'plateau'",
        ),
        ({"train": [1]}, "params.yaml: train is [1]: must be a valid dictionary"),
        ({"project": "my project"}, "params.yaml: project is 'my project': String should match pattern"),
        ({"project": MISSING}, "params.yaml: project is missing; it has no default"),
        ({"train": MISSING}, "params.yaml: train is missing; it has no default"),
        ({"selection": MISSING}, "params.yaml: selection is missing; it has no default"),
        ({"backbone": MISSING}, "params.yaml: backbone is missing; it has no default"),
        ({"backbone.weights": MISSING}, "params.yaml: backbone.weights is missing; it has no default"),
        ({"task": "chat"}, "params.yaml: task is 'chat': unknown task; use one of text-classification"),
        ({"candidates": {}}, "params.yaml: candidates: Dictionary should have at least 1 item"),
        ({"candidates.probe": None}, "params.yaml: candidates.probe is None: must be a valid dictionary"),
        ({"candidates.probe.train.epochs": 0}, "candidates.probe.train.epochs is 0: must be greater than or equal to"),
        ({"candidates": {"a b": {"adaptation": {"method": "full"}}}}, "params.yaml: candidates.a b.[key] is 'a b':"),
        (
            {"candidates.probe.adaptation.method": "lorra"},
            "candidates.probe.adaptation.method is 'lorra': must be one of 'linear_probe', 'last_layers', ",
        ),
        ({"candidates.probe.adaptation": {}}, "candidates.probe.adaptation.method is missing; it has no default"),
        ({"candidates.probe.adaptation": {"method": "lora", "r": 0}}, "candidates.probe.adaptation.r is 0: must be gr"),
        ({"source": {}}, "params.yaml: source: give either `path` or `splits`, one of the two"),
        ({"source.splits": {"train": "data/input/a.csv"}}, "params.yaml: source: give either `path` or `splits`"),
        ({"source.limit": {"train": 0}}, "params.yaml: source.limit.train is 0: must be greater than or equal to 1"),
        ({"source.limit": {"test": -3}}, "params.yaml: source.limit.test is -3: must be greater than or equal to 1"),
        ({"source.skip_rows": 1.5}, "params.yaml: source.skip_rows is 1.5: must be a valid integer"),
    ],
)
def test_a_fault_is_named_with_its_key_its_value_and_what_is_allowed(
    tmp_path: Path, edits: dict[str, Any], message: str
) -> None:
    refused = refusal(tmp_path, edits)
    assert refused.startswith(message) or refused.removeprefix("params.yaml: ").startswith(message)
    assert "more)" not in refused  # though each candidate repeats what is wrong in a common section


def test_further_faults_are_counted_each_once(tmp_path: Path) -> None:
    faults = {"seed": -1, "train.epochs": 0, "backbone.max_tokens": 1, "candidates.probe.adaptation.x": 1}
    assert refusal(tmp_path, {"seed": -1}).endswith("or equal to 0")
    assert refusal(tmp_path, faults) == "params.yaml: seed is -1: must be greater than or equal to 0 (and 3 more)"


def test_a_candidate_may_be_called_like_a_section(tmp_path: Path) -> None:
    named = {"adaptation": {"method": "full"}, "train": {"epochs": 0}}
    assert "candidates.adaptation.train.epochs is 0" in refusal(tmp_path, {"candidates.adaptation": named})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"project: demo\nseed: [1\n", "line 3: expected ',' or ']', but got '<stream end>'; correct the YAML there"),
        (b"project: demo\n\tseed: 1\n", "line 2: found character '\\t' that cannot start any token"),
        (b"project: demo\nproject: other\n", 'line 2: found duplicate key "project" with value "other"'),
        (b"project: !!python/object:os.x {}\n", "line 1: could not determine a constructor for the tag"),
        (b"project: \x00\n", "params.yaml: unacceptable character #x0000"),
        (b"project: caf\xe9\n", "params.yaml: byte 12 is not UTF-8; save the file as UTF-8"),
        (b"just words\n", "params.yaml holds str, not sections; copy one of recipes/ with `finetrail use NAME`"),
        (b"", "params.yaml holds NoneType, not sections"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_with_the_line(tmp_path: Path, text: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml does not exist; copy one of recipes/ with `finetrail use NAM"):
        load_params(tmp_path / "params.yaml")


def test_reading_the_settings_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    heavy = {"torch", "transformers", "mlflow", "pandas", "datasets"}
    code = f"import sys, finetrail.cli.app; print(*{heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


IMAGES = {
    "task": "image-classification",
    "source": {"path": "hf://datasets/owner/images", "columns": {"image": "img"}},
    "backbone": {"name": "resnet18", "weights": "DEFAULT"},
}


def test_the_task_decides_which_keys_a_section_has(tmp_path: Path) -> None:
    augment = {"crop": "padded", "flip": True}
    loaded = load(tmp_path, IMAGES | {"train.augment": augment, "validation": {"blank": {"policy": "fail"}}})
    assert isinstance(loaded.source, ImageSource)
    assert isinstance(loaded.candidates["probe"].backbone, ImageBackbone)
    assert loaded.candidates["probe"].train.augment.active


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (IMAGES | {"backbone.max_tokens": 64}, r"backbone.*max_tokens.*allowed are name, weights"),
        (IMAGES | {"validation.length": {}}, r"unknown key 'length'"),
        (IMAGES | {"split.shingle_words": 3}, r"unknown key 'shingle_words'"),
        (IMAGES | {"source.columns": {"text": "x"}}, r"unknown key 'text'.*allowed are image"),
        (IMAGES | {"backbone.weights": "resnet18.pth"}, r"'resnet18.pth' is not in data/weights/"),
        (IMAGES | {"backbone.mean": [0.5, 0.5]}, r"backbone.mean"),
        (IMAGES | {"train.augment": {"crop": "random"}}, r"train.augment.crop is 'random'.*'padded'"),
        (
            IMAGES | {"gate.slices": {"a": {"min_characters": 3}}},
            r"gate\.slices\.a goes by characters, and the rows hold image; use `group`",
        ),
        ({"train.augment": {"flip": True}}, r"train.augment varies images, and text-classification has text"),
        (
            IMAGES | {"candidates.probe.adaptation": {"method": "prompt_tuning"}},
            r"candidates\.probe\.adaptation\.method 'prompt_tuning' is for texts, and image-class",
        ),
        ({"source.columns": {"image": "x"}}, r"unknown key 'image'.*allowed are text"),
        ({"task": ["a"]}, r"task is \['a'\]: unknown task; use one of text-classification, image-classification"),
    ],
)
def test_a_key_of_the_other_kind_is_refused(tmp_path: Path, edits: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal(tmp_path, edits))


NUMBERS = {"task": "text-regression"}


def test_the_defaults_of_metric_and_loss_are_those_of_the_problem(tmp_path: Path) -> None:
    for edits, loss, metric in (({}, "cross_entropy", "macro_f1"), (NUMBERS, "mse", "rmse")):
        loaded = load(tmp_path, edits)
        for train in (loaded.train, loaded.candidates["probe"].train):
            assert (train.loss, train.metric) == (loss, metric)
        assert loaded.selection.metric == metric
        assert loaded.gate.metric == metric


def test_a_regression_takes_its_own_losses_metrics_and_mixing(tmp_path: Path) -> None:
    of_images = IMAGES | {"task": "image-regression", "train.augment": {"mixup": 0.2, "cutmix": 0.2}}
    for edits in (NUMBERS, of_images):
        own = {"train.loss": "huber", "train.huber_delta": 0.5, "train.metric": "spearman", "selection.metric": "mae"}
        train = load(tmp_path, edits | own | {"validation.label_range": {"max": 9}}).candidates["probe"].train
        assert (train.loss, train.huber_delta, train.metric) == ("huber", 0.5, "spearman")


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            NUMBERS | {"train.metric": "macro_f1"},
            "candidates.probe.train.metric 'macro_f1' is for classification, and text-regression has pearson or spear",
        ),
        (NUMBERS | {"selection.metric": "accuracy"}, "selection.metric 'accuracy' is for classification, and text-reg"),
        ({"gate.metric": "rmse"}, "gate.metric 'rmse' is for regression, and text-classification has accuracy"),
        ({"gate.slices": {"a": {}}}, "gate.slices.a: a slice needs one of group, label, min_characters, max_char"),
        ({"gate.margin": 2}, "gate.margin is 2: must be less than or equal to 1"),
        (NUMBERS | {"gate.slices": {"a": {"label": ["3"]}}}, "gate.slices.a goes by label, and the labels are numbers"),
        ({"selection.metric": "rmse"}, "selection.metric 'rmse' is for regression, and text-classification has accura"),
        ({"train.metric": "r2"}, "candidates.probe.train.metric 'r2' is for regression, and text-classification has"),
        ({"train.loss": "mse"}, "train.loss 'mse' is for regression, and text-classification has cross_entropy or foc"),
        (NUMBERS | {"train.loss": "focal"}, "train.loss 'focal' is for classification, and text-regression has mse or"),
        (NUMBERS | {"train.label_smoothing": 0.1}, "train.label_smoothing is for classification, and text-regression"),
        (NUMBERS | {"train.class_weights": "balanced"}, "train.class_weights is for classification, and text-regressi"),
        (NUMBERS | {"train.focal_gamma": 1.0}, "train.focal_gamma is for classification, and text-regression is none"),
        ({"train.huber_delta": 2.0}, "train.huber_delta is for regression, and text-classification is none; remove it"),
        (NUMBERS | {"train.metric": "rsme"}, "train.metric is 'rsme': must be 'accuracy'"),
        (NUMBERS | {"validation.rare_label": {}}, "unknown key 'rare_label'"),
        ({"validation.label_range": {}}, "unknown key 'label_range'"),
        (IMAGES | {"task": "image-regression", "validation.class_balance": {}}, "unknown key 'class_balance'"),
    ],
)
def test_what_another_kind_of_problem_has_is_refused(tmp_path: Path, edits: dict[str, Any], message: str) -> None:
    assert message in refusal(tmp_path, edits)
