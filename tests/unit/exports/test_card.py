"""The card of an exported folder tells what is known, and nothing of the machine that it was made on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from finetrail.contents.exported import Asking, Exported, Snippet
from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.settings import TextBackbone
from finetrail.exports.card import render
from finetrail.exports.facts import Facts
from finetrail.targets.logits import MOST_SHOWN
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built

NOT_ASKED = Asking(lambda contents, folder: list(contents))
CODE = Snippet("import timm\n", "paths", '["a.png"]', "print(paths)\n")
DONE = Exported("timm", ("timm", "pillow"), CODE, "It sees the middle of an image.", NOT_ASKED, "A note.", True)
INTERVAL = {"low": 0.25, "high": 0.75}


def head_of(card: str) -> Any:
    return YAML(typ="safe").load(card.split("---\n")[1])


def scores_of(scores: Mapping[str, float], **more: Any) -> dict[str, Any]:
    intervals = {"confidence": 0.95, "resamples": 1000, **dict.fromkeys(scores, INTERVAL)}
    return {"test": dict(scores), "intervals": intervals, **more}


def classifier_of_images(labels: list[str]) -> Built:
    task = get_task("image-classification")
    settings = ImageBackbone(name="timm/test_efficientnet", weights="random", image_size=32)
    return task.build(settings, task.target.learned({"labels": labels}), Path(), ["image"])


@pytest.fixture(scope="module")
def texts(backbone: TextBackbone) -> Built:
    task = get_task("text-classification")
    return task.build(backbone, task.target.learned({"labels": ["a", "b"]}), Path(), ["text"])


def test_a_model_of_no_registry_is_known_by_its_form_alone() -> None:
    card = render(classifier_of_images(["cat", "dog"]), DONE, Facts())
    assert head_of(card) == {
        "library_name": "timm",
        "pipeline_tag": "image-classification",
        "tags": ["finetrail", "single_label_classification"],
    }
    code = 'import timm\npaths = ["a.png"]\nprint(paths)\n'
    assert f"With `timm`, `pillow` installed, in this folder:\n\n```python\n{code}```\n\nA note.\n" in card
    assert "Labels (2): cat, dog." in card
    assert "No test scores are known for this model" in card
    assert "- It sees the middle of an image.\n- It always answers with one of its labels" in card
    for absent in ("## Data", "## Lineage", "Trained by", "fine-tuned from"):
        assert absent not in card


def test_numbers_have_their_unit_and_what_answering_the_mean_would_give(backbone: TextBackbone) -> None:
    task = get_task("text-regression")
    built = task.build(backbone, task.target.learned({"mean": 7.5, "std": 2.0}), Path(), ["text"])
    scores = scores_of({"rmse": 12.3456, "pearson": 0.5}, baseline={"mean_of_train": 7.5, "rmse": 15.25})
    card = render(built, DONE, Facts(name="own-numbers", version=3, tested=scores))
    head = head_of(card)
    assert head["tags"] == ["finetrail", "regression"]
    assert head["pipeline_tag"] == "text-classification"
    assert head["metrics"] == ["pearson", "rmse"]
    assert head["model-index"][0]["results"][0]["metrics"][1] == {"type": "rmse", "value": 12.3456}
    assert "| RMSE | 12.35 | 0.2500 to 0.7500 |" in card
    assert "- Always answering 7.500, the mean of the training labels, has an RMSE of 15.25 on test." in card
    assert "Labels (" not in card
    assert "always answers with one of its labels" not in card
    assert "| version | `own-numbers 3` |" in card


def test_where_the_weights_came_from_is_told_without_the_place_on_this_machine(texts: Built) -> None:
    def told(weights: str) -> str:
        return render(texts, DONE, Facts(params={"backbone.weights": weights}))

    hub = told("hf://microsoft/mpnet-base@abc123")
    assert head_of(hub)["base_model"] == "microsoft/mpnet-base"
    assert "fine-tuned from hf\\://microsoft/mpnet-base\\@abc123." in hub
    assert "fine-tuned from minilm." in told("/home/ada/secret/minilm")
    assert "fine-tuned from pypi\\://some==1/model." in told("pypi://some==1/model#sha256=00ff")
    assert "base_model" not in head_of(told("/home/ada/secret/minilm"))


def test_what_was_assessed_is_told_and_escaped(texts: Built) -> None:
    card = render(texts, DONE, Facts(assessed={"robustness": "worse by 0.1 <b>"}))
    assert "## Assessed on validation rows\n\n- robustness: worse by 0.1 " in card
    assert "<b>" not in card
    assert "## Assessed" not in render(texts, DONE, Facts())


def test_settings_and_what_was_not_committed_are_told(texts: Built) -> None:
    params = {"adaptation.method": "lora", "train.epochs": "3", "train.batch_size": "16", "seed": "7"}
    facts = Facts(name="toy", version=1, params=params, tags={"finetrail.git_dirty": "yes"})
    card = render(texts, DONE, facts)
    assert "Trained by `lora`: at most 3 epochs, batches of 16, seed 7; all settings are in the MLflow run." in card
    assert "- It was trained by code with uncommitted changes." in card


def test_how_far_probabilities_are_off_is_told(texts: Built) -> None:
    tested = scores_of({"accuracy": 0.5}, calibration={"ece": 0.03124})
    card = render(texts, DONE, Facts(name="toy", version=1, tested=tested))
    assert "- Its probabilities are off by 0.031 on average (expected calibration error on test)." in card
    assert "probabilities are off" not in render(texts, DONE, Facts(tested=scores_of({"accuracy": 0.5})))


def test_the_metric_stands_at_every_place_where_it_was_computed(texts: Built) -> None:
    registered = "macro F1 on 256 validation rows: trained 0.876, registered 0.876, served 0.876"
    exported = "macro F1 on 256 validation rows: trained 0.876, onnx 0.876"
    card = render(texts, DONE, Facts(tags={"finetrail.same_number": registered}), exported)
    assert f"## The same number everywhere\n\n- {registered}.\n- {exported}.\n\n" in card
    assert "was not compared" not in card
    card = render(texts, DONE, Facts())
    assert "## The same number" not in card
    assert "\n\nThis folder was not compared with the trained model on validation rows.\n\n" in card


def test_classes_have_a_table_as_long_as_it_is_read() -> None:
    def card(count: int) -> str:
        labels = [f"a|b{number}" for number in range(count)]
        classes = {label: {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 1234} for label in labels}
        facts = Facts(name="toy", version=1, tested=scores_of({"accuracy": 0.5}, per_class=classes))
        return render(classifier_of_images(labels), DONE, facts)

    assert "\n| a\\|b1 | 0.500 | 0.250 | 0.333 | 1,234 |\n" in card(MOST_SHOWN)
    assert "| label | precision" not in card(MOST_SHOWN + 1)
    assert f"Labels ({MOST_SHOWN + 1}): " in card(MOST_SHOWN + 1)
    assert "a\\|b29 and more." in card(MOST_SHOWN + 1)
