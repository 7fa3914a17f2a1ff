"""The page around a target's story: complete whatever the story tells, and true about the validation value."""

from typing import Any

import pytest
from markupsafe import Markup

from finetrail.evaluation.report.page import SEALED, Report, as_seen, page
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.report.section import Section, Story, Tile
from finetrail.evaluation.scores.bootstrap import Draws, Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection, Standing, choose
from tests.unit.evaluation.report.pages import SPLIT, Page, image, section

SCORE, ERROR = Metric("score", "quality score"), Metric("error", "error", lower=True, in_unit=True)
TESTED = Interval(0.5, 0.4, 0.6)


def report(metric: Metric = SCORE, validation: float = 0.5, **changes: Any) -> Report:
    standing = Standing("full", validation, validation - 0.1, validation + 0.1, 0.0, 0.0, 0.0, 10, 20)
    sections = [
        Section("own", "Own part", Markup('<section id="own">told</section>'), {"own": 1}),
        Section("aside", "", Markup("<p>beside it</p>"), {"more": [2]}),
    ]
    tiles = [Tile("Score", "0.500", ("0.400 to 0.600", "of 1"), TESTED), Tile("Loss", "<7>")]
    given: dict[str, Any] = {
        "project": "Plain",
        "task": "text-guessing",
        "model": "a tiny encoder",
        "rows": 1200,
        "metrics": {metric.name: TESTED},
        "metric": metric,
        "draws": Draws(resamples=3000, seed=0, confidence=0.9),
        "story": Story("word", "", Markup("<em>found</em>"), tiles, sections),
        "seen": [],
        "choice": choose([standing], Selection(metric=metric.name), metric),
        "panels": [],
        "split": SPLIT,
        "lineage": {"run": "abc"},
    }
    return Report(**(given | changes))


def test_the_story_stands_first_and_what_all_have_in_common_after_it() -> None:
    found = Page(page(report()))
    assert found.open == []
    places = [attributes["id"] for attributes in found.all("section")]
    assert places == ["own", "choice", "data", "lineage"]
    assert [attributes["href"] for attributes in found.all("a")] == [f"#{place}" for place in places]
    assert "Candidate full · a tiny encoder · text-guessing · 1,200 test rows" in found.shown
    assert "found" in found.shown
    assert "beside it" in found.shown
    assert "Ranges are 90% bootstrap intervals over the test rows (3,000 resamples)" in found.shown
    assert SEALED in found.shown


def test_what_the_story_is_about_stands_in_the_head() -> None:
    told = report()
    story = Story("word", "7 words", told.story.lead, told.story.tiles, told.story.sections)
    assert "text-guessing · 7 words · 1,200 test rows" in Page(page(report(story=story))).shown


def test_a_tile_has_a_whisker_only_where_it_has_an_interval() -> None:
    html = page(report())
    tiles = html[html.index('<div class="tiles">') : html.index('<p class="note">Ranges')]
    assert tiles.count('class="whisker"') == 1
    assert "left:40%;width:20%" in tiles
    assert "<span>0.400 to 0.600</span><span>of 1</span>" in tiles
    assert "&lt;7&gt;" in tiles


def test_the_sections_say_together_what_metrics_json_gets() -> None:
    assert report().story.json == {"own": 1, "more": [2]}


@pytest.mark.parametrize(
    ("metric", "validation", "words"),
    [
        (SCORE, 0.5, "quality score was 0.500, within the interval of the test value."),
        (SCORE, 0.7, "0.700, above the interval of the test value: the validation value was optimistic."),
        (SCORE, 0.3, "0.300, below the interval of the test value."),
        (ERROR, 0.7, "0.7000, above the interval of the test value."),
        (ERROR, 0.3, "0.3000, below the interval of the test value: the validation value was optimistic."),
    ],
)
def test_a_validation_value_better_than_the_test_s_interval_was_optimistic(
    metric: Metric, validation: float, words: str
) -> None:
    assert words in Page(page(report(metric, validation))).shown


def test_training_examples_are_shown_with_what_the_model_is_asked_for() -> None:
    html = page(report(seen=[("moon", as_seen(image())), ("sun", as_seen(image()))]))
    seen = section(html, "seen")
    assert "If you cannot tell the word of one" in seen.shown
    assert [attributes["alt"] for attributes in seen.all("img")] == ["moon", "sun"]
    texts = section(page(report(seen=[("moon", as_seen(Preview()))])), "seen")
    assert "(empty text)moon" in texts.shown
