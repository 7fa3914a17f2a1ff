"""The page of a study: whole whatever the search came to, true to study.json, and safe with any text."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetrail.evaluation.scores.metric import setting
from finetrail.runs.study import Fold, read_study, write_study
from finetrail.studies.history import history_figure
from finetrail.studies.page import page
from finetrail.studies.section import search_section
from finetrail.studies.shown import Shown
from tests.browser import DARK, PHONE, brightness, browse, colours, width_on_a_phone
from tests.unit.evaluation.report.pages import HOSTILE, Page
from tests.unit.evaluation.report.pages import section as part
from tests.unit.studies.searches import F1, IRRELEVANT, LENGTH, RATE, RMSE, searched

ALWAYS = {"#importances", "#trials"}
VALUES = {"#history"} | ALWAYS
CHOSEN = VALUES | {"#confirmation", "#slices"}
SEARCHES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "one": ({"trials": 1}, CHOSEN),
    "two": ({"trials": 2}, CHOSEN | {"#parallel"}),
    "thirty": ({"trials": 30}, CHOSEN | {"#parallel"}),
    "thirty, lower is better": ({"trials": 30, "metric": RMSE}, CHOSEN | {"#parallel"}),
    "two hundred": ({"trials": 200}, CHOSEN | {"#parallel"}),
    "conditional": ({"trials": 30, "space": "conditional"}, CHOSEN | {"#parallel"}),
    "two objectives": ({"trials": 30, "cost": "latency", "sampler": "random"}, CHOSEN | {"#parallel", "#pareto"}),
    "all failed": ({"trials": 8, "end": "failed"}, ALWAYS),
    "all pruned": ({"trials": 8, "end": "pruned"}, VALUES),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", SEARCHES)
def test_a_page_is_whole_whatever_the_search_came_to(what: str) -> None:
    asked, wanted = SEARCHES[what]
    study = searched(**asked)
    found = Page(page("lora", study, asked.get("metric", F1)))
    assert found.open == []
    assert found.sections == found.anchors == wanted
    for state in ("complete", "pruned", "failed"):
        assert f"{len(study.of(state))} {state}" in found.shown
    for name in ("None", "nan", "Undefined"):
        assert name not in found.shown.replace("None of the trials", "")
    assert len(found.all("svg")) == len({attributes["aria-label"] for attributes in found.all("svg")})


def test_a_search_without_confirmation_has_no_section_on_it() -> None:
    found = Page(page("lora", replace(searched(2), confirmed=()), F1))
    assert found.sections == found.anchors == VALUES | {"#slices", "#parallel"}
    assert "none was trained again" in found.shown


def test_searches_without_a_fold_stand_beside_what_they_promised() -> None:
    study = replace(searched(2), nested=(Fold(1, 0.8, 0.7), Fold(2, 0.9, 0.6)))
    found = Page(page("lora", study, F1))
    assert found.sections == found.anchors == CHOSEN | {"#parallel", "#nested"}
    assert "10.8000.700 20.9000.600 mean0.8500.650" in part(page("lora", study, F1), "nested").shown


def test_what_failed_lies_at_the_worse_end() -> None:
    """Not where the best are, which for an error is at the bottom."""
    for metric, top in ((F1, False), (RMSE, True)):
        study = searched(30, metric=metric)
        assert study.of("failed")
        axis = Shown(study, metric)
        html = history_figure(axis) or ""
        crosses = [float(y) for y in re.findall(r'<g class="curve c1 thin"><line [^>]*y1="([\d.]+)"', html)][:-1]
        dots = [float(y) for y in re.findall(r'<circle class="dot c0" [^>]*cy="([\d.]+)"', html)][:-1]
        assert crosses
        assert (max(crosses) < min(dots)) if top else (min(crosses) > max(dots) - 4)


def test_its_numbers_are_those_of_study_json(tmp_path: Path) -> None:
    write_study(searched(30), tmp_path / "study.json")
    study = read_study(tmp_path / "study.json")
    assert study is not None
    assert study.best is not None
    html = page("lora", study, F1)
    assert html == page("lora", searched(30), F1)
    confirmation = part(html, "confirmation").shown
    for one in study.confirmed:
        assert f"{F1.say(one.mean)} ± {F1.say(one.std or 0)}" in confirmation
        for seed, value in zip(one.seeds, one.values, strict=True):
            assert f"{seed}: {F1.say(value)}" in confirmation
    trials = part(html, "trials").shown
    first = study.trial(study.best)
    assert f"best single value{F1.say(first.value or 0)}" in trials
    for trial in study.trials:
        assert setting(trial.parameters[RATE.name]) in trials
    assert study.optimism is not None
    assert f"Optimism{F1.say(study.optimism)}of the best single value" in Page(html).shown


def test_the_best_trial_stands_first_in_either_direction() -> None:
    for study, metric in ((searched(30), F1), (searched(30, metric=RMSE), RMSE)):
        rows = part(page("lora", study, metric), "trials").shown.partition("State")[2]
        assert rows.split()[0] == str(study.best)


def test_what_is_searched_on_a_log_scale_is_drawn_on_one_and_choices_as_categories() -> None:
    html = page("lora", searched(30), F1)
    slices = part(html, "slices").shown
    for tick in ("1e-5", "1e-4", "1e-3", "0.01", "0.1", "learning_rate (log scale)", "64", "96", "max_tokens"):
        assert tick in slices
    rates = [one for one in part(html, "slices").all("svg") if "learning_rate" in (one["aria-label"] or "")]
    assert len(rates) == 1


def test_a_value_far_worse_than_most_does_not_flatten_the_others() -> None:
    study = searched(30, metric=RMSE)
    worst = replace(study.of("complete")[0], value=1e12)
    study = replace(study, trials=tuple(worst if one.number == worst.number else one for one in study.trials))
    history = part(page("lora", study, RMSE), "history")
    assert "1e12" not in history.shown.replace(RMSE.say(1e12), "")
    assert RMSE.say(1e12) in history.shown  # under the pointer


def test_any_text_is_shown_and_none_runs() -> None:
    study = searched(30)
    space = (RATE, replace(IRRELEVANT, name=f"train.{HOSTILE}"), replace(LENGTH, choices=("64", "96", HOSTILE)))
    trials = [replace(one, parameters={RATE.name: 1e-3, LENGTH.name: HOSTILE}, reason=HOSTILE) for one in study.trials]
    hostile = replace(study, space=space, trials=tuple(trials), said=HOSTILE, cost="seconds", tolerance=0.1)
    html = page(HOSTILE, hostile, F1)
    found = Page(html)
    assert found.open == []
    assert not found.all("script")
    assert not found.all("img")
    assert "alert('x')" in found.shown


def test_the_test_report_says_how_the_settings_were_found() -> None:
    study = searched(30)
    found = search_section("lora", study, F1)
    shown = Page(found.html)
    assert (found.name, found.json, shown.open) == ("search", {}, [])
    assert "of 30" in shown.shown
    assert study.optimism is not None
    assert f"Optimism: {F1.say(study.optimism)}" in shown.shown
    assert len(shown.all("svg")) == 1


@pytest.mark.slow
def test_it_is_seen_in_a_browser_on_a_phone_and_in_the_dark(chromium: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    study = searched(30, space="conditional")
    file.write_text(page("lora", study, F1), encoding="utf-8")
    document, light = browse(chromium, file.as_uri(), tmp_path)
    assert "Where adaptation is lora" in document
    assert colours(light) > 100
    _, dark = browse(chromium, file.as_uri(), tmp_path, flags=DARK)
    assert (brightness(light) > 200, brightness(dark) < 60) == (True, True)
    assert width_on_a_phone(chromium, file, tmp_path) == PHONE
