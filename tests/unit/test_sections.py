"""The task decides what a section of params.yaml may say; what another task has is refused in a line."""

import re
from pathlib import Path
from typing import Any

import pytest

from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.image.source import ImageSource
from tests.unit.params_file import MISSING, load, refusal

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
    train: Any = loaded.candidates["probe"].train
    assert train.augment.active


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (IMAGES | {"backbone.max_tokens": 64}, r"backbone.*max_tokens.*allowed keys: head_dropout, name, weights"),
        (IMAGES | {"validation.length": {}}, r"unknown key 'length'"),
        (IMAGES | {"split.shingle_words": 3}, r"unknown key 'shingle_words'"),
        (
            IMAGES | {"source.columns": {"text": "x"}},
            r"unknown key 'text'.*allowed keys: group, split, metadata, id2label, label, image$",
        ),
        (IMAGES | {"backbone.weights": "resnet18.pth"}, r"'resnet18.pth' is not in data/weights/"),
        ({"backbone.weights": "owner/encoder"}, r"add data/weights/encoder`; of the hub, it is hf://owner/encoder$"),
        (IMAGES | {"backbone.mean": [0.5, 0.5]}, r"backbone.mean"),
        (IMAGES | {"train.augment": {"crop": "random"}}, r"train.augment.crop is 'random'.*'padded'"),
        (
            IMAGES | {"gate.slices": {"a": {"min_characters": 3}}},
            r"gate\.slices\.a: unknown key 'min_characters'; allowed keys: group, metadata, label, min_side",
        ),
        ({"train.augment": {"flip": True}}, r"train\.augment: unknown key 'flip'; allowed keys: perturbations"),
        *[
            (
                IMAGES | {"candidates.probe.adaptation": {"method": method}},
                rf"candidates\.probe\.adaptation\.method '{method}' needs soft prompts, but image-classification has n",
            )
            for method in ("prompt_tuning", "prefix_tuning")
        ],
        (
            {
                "task": "text-regression",
                "unlabelled": {"other": {"path": "data/input/other.csv"}},
                "candidates.probe.auxiliary": {"method": "cdan", "rows": "other"},
            },
            r"auxiliary\.method 'cdan' needs one class a row, but text-regression has none; use another",
        ),
        *[
            ({"selection.validator": {"method": "snd", "rows": "other"}} | edits, message)
            for edits, message in (
                ({}, r"selection\.validator\.rows is 'other', which section unlabelled does not have; add it there$"),
                (
                    {"task": "text-regression", "unlabelled": {"other": {"path": "data/input/other.csv"}}},
                    r"validator\.method 'snd' needs one class a row, but text-regression has none; remove it$",
                ),
                (
                    {"unlabelled": {"other": {"path": "data/input/other.csv"}}, "assess": {"stability": {}}},
                    r"'snd' chooses without labels, but assess\.stability asks about labels; remove one$",
                ),
                (
                    {"unlabelled": {"other": {"path": "data/input/other.csv"}}, "selection.by": "lower_bound"},
                    r"ranks by `by: lower_bound` and by `validator`, but only one can lead; remove one of them$",
                ),
            )
        ],
        (
            {"gate.slices": {"north": {"metadata": {"clinic": ["north"]}}}},
            r"gate\.slices\.north names metadata 'clinic', which source\.columns\.metadata does not; add it there$",
        ),
        (
            {
                "unlabelled": {"other": {"path": "data/input/other.csv"}},
                "candidates.probe.auxiliary": {"method": "mmd", "rows": "other", "batch_norm": "unlabelled"},
                "candidates.probe.train.compile": True,
            },
            r"batch_norm 'unlabelled' cannot be compiled; set train\.compile to false, or batch_norm to both$",
        ),
        (
            {"task": "text-regression", "candidates.probe.distillation": {"teacher": "data/weights/big"}},
            r"candidates\.probe\.distillation needs soft labels, but text-regression has none; remove it$",
        ),
        *[
            ({"candidates.probe.distillation": {"teacher": "data/weights/big"}} | edits, message)
            for edits, message in (
                (
                    {
                        "unlabelled": {"other": {"path": "data/input/other.csv"}},
                        "candidates.probe.auxiliary": {"method": "mmd", "rows": "other"},
                    },
                    r"probe: auxiliary and distillation both add to the loss of the labels; remove one of them$",
                ),
                (
                    {"candidates.probe.adaptation": {"method": "few_shot"}},
                    r"'few_shot' has a loss of its own, which leaves no place for distillation; remove it, or use",
                ),
                (
                    {
                        "candidates.probe.search": {"nested": 2},
                        "candidates.probe.train": {"learning_rate": {"log": [1e-5, 1e-3]}},
                    },
                    r"the teacher may have learnt their labels; remove search.nested, or distillation$",
                ),
            )
        ],
        (
            {"candidates.probe.distillation": {"teacher": "data/weights/big", "rows": "other"}},
            r"probe\.distillation\.rows is 'other', which section unlabelled does not have; add it there$",
        ),
        *[
            (
                {"candidates.probe.distillation": {"teacher": teacher}},
                (
                    rf"teacher '{teacher}' is not in data/weights/, .*`finetrail export {at} --model "
                    rf"{model} --format finetrail` puts a model there, and `dvc add {at}` tracks"
                ),
            )
            for teacher, at, model in (
                ("full", "data/weights/full", "data/models/full"),
                ("data/models/full", "data/weights/full", "data/models/full"),
                ("models:/news@champion", "data/weights/champion", "models:/news@champion"),
                ("data/weights/../models/full", "data/weights/full", "data/weights/../models/full"),
            )
        ],
        *[
            (
                {"task": "text-regression", "candidates.probe.adaptation": {"method": method}},
                rf"method '{method}' needs one class a row, but text-regression has none; use another",
            )
            for method in ("few_shot", "prototypes")
        ],
        (
            {"source.columns": {"image": "x"}},
            r"unknown key 'image'.*allowed keys: group, split, metadata, id2label, label, text$",
        ),
    ],
)
def test_a_key_of_the_other_kind_is_refused(tmp_path: Path, edits: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal(tmp_path, edits))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (["a"], "task is ['a']: unknown task; use one of text-classification, image-classification, "),
        (None, "task is None: unknown task; use one of text-classification, "),
        ({"name": "chat"}, "task is 'chat': unknown task; use one of text-classification, "),
        ({}, "task.name is missing; it has no default"),
        ({"name": 3}, "task.name is 3: must be a valid string"),
        (
            {"nme": "text-classification"},
            "task: unknown key 'nme'; did you mean 'name'? allowed keys: name, problem_type, targets",
        ),
        (
            {"name": "text-regression", "problem_type": "multi_label_classification"},
            "task.problem_type is 'multi_label_classification', but text-regression has regression; use one of these",
        ),
        (MISSING, "task is missing; it has no default"),
    ],
)
def test_a_task_that_there_is_not_is_refused(tmp_path: Path, task: Any, message: str) -> None:
    assert refusal(tmp_path, {"task": task}).startswith(f"params.yaml: {message}")


def test_a_task_is_named_alone_or_with_its_kind_of_problem(tmp_path: Path) -> None:
    short = load(tmp_path, {})
    assert short.task.task.target.problem_type == "single_label_classification"
    for more in ({}, {"problem_type": "single_label_classification"}):
        found = load(tmp_path, {"task": {"name": "text-classification"} | more})
        assert found.task.task is short.task.task


@pytest.mark.parametrize(
    ("columns", "names"), [({}, ("text",)), ({"text": "body"}, ("body",)), ({"text": ["a", "b"]}, ("a", "b"))]
)
def test_texts_may_come_from_several_columns(tmp_path: Path, columns: dict[str, Any], names: tuple[str, ...]) -> None:
    assert load(tmp_path, {"source.columns": columns}).source.columns.contents == names


NUMBERS = {"task": "text-regression"}


def test_the_defaults_of_metric_and_loss_are_those_of_the_problem(tmp_path: Path) -> None:
    for edits, loss, metric in (({}, "cross_entropy", "macro_f1"), (NUMBERS, "mse", "rmse")):
        loaded = load(tmp_path, edits)
        trains: list[Any] = [loaded.train, loaded.candidates["probe"].train]
        for train in trains:
            assert (train.loss, train.metric) == (loss, metric)
        assert loaded.selection.metric == metric
        assert loaded.gate.metric == metric


def test_a_regression_takes_its_own_losses_metrics_and_mixing(tmp_path: Path) -> None:
    of_images = IMAGES | {"task": "image-regression", "train.augment": {"mixup": 0.2, "cutmix": 0.2}}
    for edits in (NUMBERS, of_images):
        own = {"train.loss": "huber", "train.huber_delta": 0.5, "train.metric": "spearman", "selection.metric": "mae"}
        train: Any = load(tmp_path, edits | own | {"validation.label_range": {"max": 9}}).candidates["probe"].train
        assert (train.loss, train.huber_delta, train.metric) == ("huber", 0.5, "spearman")


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            NUMBERS | {"train.metric": "macro_f1"},
            "params.yaml: train.metric is 'macro_f1': must be 'pearson', 'spearman', 'r2', 'mae' or 'rmse'",
        ),
        (
            NUMBERS | {"candidates.probe.train.metric": "macro_f1"},
            "candidates.probe.train.metric is 'macro_f1': must be 'pearson', 'spearman', 'r2', 'mae' or 'rmse'",
        ),
        (
            NUMBERS | {"selection.metric": "accuracy"},
            "selection.metric is 'accuracy', but text-regression is judged by pearson or spearman or r2 or mae or rmse",
        ),
        ({"gate.metric": "rmse"}, "gate.metric is 'rmse', but text-classification is judged by accuracy or macro_pre"),
        (
            {"gate.slices": {"a": {}}},
            "gate.slices.a: a slice needs one of group, metadata, label, min_characters, max_char",
        ),
        ({"gate.margin": 2}, "gate.margin is 2: must be less than or equal to 1"),
        (
            NUMBERS | {"gate.slices": {"a": {"label": ["3"]}}},
            "gate.slices.a: unknown key 'label'; allowed keys: group, ",
        ),
        ({"selection.metric": "rmse"}, "selection.metric is 'rmse', but text-classification is judged by accuracy or "),
        (
            {"train.metric": "r2"},
            "params.yaml: train.metric is 'r2': must be 'accuracy', 'macro_precision', 'macro_rec",
        ),
        ({"train.loss": "mse"}, "params.yaml: train.loss is 'mse': must be 'cross_entropy' or 'focal'"),
        (NUMBERS | {"train.loss": "focal"}, "params.yaml: train.loss is 'focal': must be 'mse', 'huber' or 'mae'"),
        (NUMBERS | {"train.label_smoothing": 0.1}, "train: unknown key 'label_smoothing'; allowed keys: epochs, "),
        (NUMBERS | {"train.class_weights": "balanced"}, "train: unknown key 'class_weights'; allowed keys: epochs, "),
        (NUMBERS | {"train.focal_gamma": 1.0}, "train: unknown key 'focal_gamma'; allowed keys: epochs, "),
        ({"train.huber_delta": 2.0}, "train: unknown key 'huber_delta'; allowed keys: epochs, "),
        (
            NUMBERS | {"train.metric": "rsme"},
            "train.metric is 'rsme': must be 'pearson', 'spearman', 'r2', 'mae' or 'r",
        ),
        (NUMBERS | {"validation.rare_label": {}}, "unknown key 'rare_label'"),
        ({"validation.label_range": {}}, "unknown key 'label_range'"),
        (IMAGES | {"task": "image-regression", "validation.class_balance": {}}, "unknown key 'class_balance'"),
    ],
)
def test_what_another_kind_of_problem_has_is_refused(tmp_path: Path, edits: dict[str, Any], message: str) -> None:
    assert message in refusal(tmp_path, edits)
