"""Section `assess` of params.yaml: absent by default, and what the task has not is refused in a line."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.params_file import load, refusal
from tests.unit.test_sections import IMAGES

FOUND = IMAGES | {"task": "object-detection"}


def test_nothing_is_assessed_unasked(tmp_path: Path) -> None:
    assert load(tmp_path, {}).assess.asked() == {}
    assert load(tmp_path, {"assess": {}}).assess.asked() == {}


def test_an_empty_section_is_all_defaults(tmp_path: Path) -> None:
    (settings,) = load(tmp_path, {"assess": {"robustness": {}}}).assess.asked().values()
    assert settings.model_dump() == {
        "perturbations": "all",
        "severities": [1, 2, 3, 4, 5],
        "max_rows": 500,
        "baseline": None,
    }


def test_labels_have_defaults(tmp_path: Path) -> None:
    (settings,) = load(tmp_path, {"assess": {"labels": {}}}).assess.asked().values()
    assert settings.model_dump() == {"folds": 5, "max_shown": 200, "neighbours": 3}


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            {"assess.shift.rows": "others"},
            r"assess\.shift\.rows is 'others', which section unlabelled does not have; add it there",
        ),
        ({"assess.labels.folds": 1}, r"assess\.labels\.folds is 1: must be greater than or equal to 2"),
        (
            {"assess.robust": {}},
            r"assess: unknown key 'robust'; did you mean 'robustness'\? allowed keys: labels, ",
        ),
        ({"assess.robustness.perturbations": ["blur"]}, r"'blur' does not exist; use some of typos, case, "),
        ({"assess.robustness.perturbations": ["fog"]}, r"'fog' does not exist; use some of typos, case, "),
        ({"assess.robustness.perturbations": []}, r"perturbations is empty; name some of typos, .*, or write `all`"),
        ({"assess.robustness.perturbations": ["ocr", "ocr"]}, r"perturbations names something twice"),
        ({"assess.robustness.severities": [1, 1]}, r"severities names something twice; name each once"),
        ({"assess.robustness.severities": [6]}, r"assess\.robustness\.severities\.0 is 6: must be less than or equal"),
        (
            {"assess.robustness.baseline": "nobody"},
            r"assess\.robustness\.baseline is 'nobody', which is no candidate; use one of probe",
        ),
        ({"assess.attacks.attacks": ["pgd"]}, r"attacks 'pgd' does not exist; use some of hotflip"),
        ({"assess.attacks.attacks": []}, r"attacks is empty; name some of hotflip, or write `all`"),
        ({"assess.attacks.epsilons": [0]}, r"assess\.attacks\.epsilons\.0 is 0: must be greater than or equal to 1"),
        ({"assess.attacks.epsilons": [2, 2]}, r"epsilons names something twice; name each once"),
        (IMAGES | {"assess.attacks.attacks": ["hotflip"]}, r"attacks 'hotflip' does not exist; use some of fgsm, pgd"),
        ({"assess.robustness.max_rows": 3}, r"assess\.robustness\.max_rows is 3: must be greater than or equal to 10"),
        (IMAGES | {"assess.robustness.perturbations": ["typos"]}, r"'typos' does not exist; use some of gaussian_nois"),
        (
            {"task": "token-classification", "assess.robustness.perturbations": ["drop_words"]},
            r"'drop_words' moves what the labels of this task name the places of; use some of typos, case, homog",
        ),
        *(
            (FOUND | {"assess.robustness.perturbations": [name]}, rf"'{name}' moves what .*; use some of .*grey, flip$")
            for name in ("rotation", "crop", "elastic_transform")
        ),
        *(
            (edits | {"assess.explanations": {}}, r"assess\.explanations: .*; remove it, and look at the worst .*")
            for edits in (FOUND, FOUND | {"task": "image-segmentation"}, {"task": "summarization"})
        ),
    ],
)
def test_what_cannot_be_assessed_is_refused(tmp_path: Path, edits: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal(tmp_path, edits))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"resamples": 1}, "assess.stability: resamples is 1, and one training has no spread; use 0, or 2 or more"),
        ({"seeds": 1, "resamples": 0}, "assess.stability: seeds is 1 and resamples 0, so that nothing is trained; "),
        ({"resamples": 0, "curve": [0.5]}, "assess.stability: curve needs trainings on parts of the rows, but "),
        ({"candidates": []}, "assess.stability: candidates is empty; name some, or write `chosen` or `all`"),
        ({"curve": [0.5, 0.5]}, "assess.stability: curve names something twice; name each once"),
        ({"candidates": ["probe", "full"]}, "assess.stability.candidates names 'full', which is no candidate; name "),
    ],
)
def test_what_stability_cannot_do_is_refused(tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    assert refusal(tmp_path, {"assess": {"stability": asked}}).startswith(f"params.yaml: {message}")


@pytest.mark.parametrize(
    "remedy",
    [{"resamples": 2}, {"seeds": 1, "resamples": 2}, {"seeds": 2, "resamples": 0}, {"candidates": ["probe"]}],
)
def test_each_remedy_of_stability_works(tmp_path: Path, remedy: dict[str, Any]) -> None:
    assert load(tmp_path, {"assess": {"stability": remedy}}).assess.asked()
