"""The report of a regression: complete, safe, the same bytes each time, and of any numbers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.report.figures import Curve, Panel
from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, Report, as_seen, page
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws, Floats
from finetrail.evaluation.selection import Standing
from finetrail.targets.numbers import METRICS
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.numbers.evaluation import NumberEvaluation
from finetrail.targets.numbers.figures import errors_figure, scatter_figure
from finetrail.targets.target import metric_named
from tests.unit.evaluation.report.pages import HOSTILE, TEXT, Page, image, report_of

RNG = np.random.default_rng(0)
ACTUAL = RNG.normal(size=120) * 40_000 + 250_000
SAID = ACTUAL + RNG.normal(size=120) * 10_000
STANDINGS = [
    Standing("full", 10_200.0, 9_000.0, 11_000.0, 0.0, 0.0, 0.0, 9000, 9000),
    Standing("lora", 10_400.0, 9_100.0, 11_200.0, 200.0, -400.0, 700.0, 100, 9100),
]


def measured(actual: Floats = ACTUAL, said: Floats = SAID, resamples: int = 100) -> NumberEvaluation:
    judge = NumberCodec(float(actual.mean()), 1.0).judge
    rows = pd.DataFrame({"id": [f"id{row:03d}" for row in range(len(actual))], "label": actual})
    return judge.evaluate(rows, said[:, None], Draws(resamples, seed=0), {})


def report(
    evaluation: NumberEvaluation,
    preview: Preview = TEXT,
    *,
    standings: list[Standing] = STANDINGS,
    metric: str = "rmse",
    **changes: Any,
) -> Report:
    given: dict[str, Any] = {
        "project": "Prices",
        "task": "text-regression",
        "rows": evaluation.rows,
        "seen": [("250000", as_seen(preview))],
        "panels": [Panel("loss", (Curve("training", ((1, 2.0), (2, 1.0))),), best=2)],
    }
    return report_of(evaluation, preview, standings, metric_named(METRICS, metric), **(given | changes))


def test_every_section_is_there_and_the_elements_nest() -> None:
    evaluation = measured()
    html = page(report(evaluation))
    found = Page(html)
    assert found.open == []
    assert found.anchors == found.sections
    assert found.sections == {f"#{name}" for name in ("fit", "ranges", "mistakes", "choice", "seen", "data", "lineage")}
    assert len(found.all("svg")) == 3
    metrics = evaluation.metrics
    for expected in (
        "text-regression · 120 test rows",
        f"The model is off by {metrics['mae'].value:,.0f} on average (RMSE {metrics['rmse'].value:,.0f})",
        f"would be off by {evaluation.baseline['mae']:,.0f}",
        f"It explains {100 * metrics['r2'].value:.1f}% of how the test labels vary",
        f"{metrics['rmse'].low:,.0f} to {metrics['rmse'].high:,.0f}",
        "full has the lowest validation RMSE, 10,200",
        "200 (-400 to 700)",
        evaluation.worst[0].id,
        "Validation RMSE was 10,400, within the interval of the test value",
    ):
        assert expected in found.shown
    assert html == page(report(measured()))


def test_a_tile_a_metric_the_default_one_first_each_beside_what_the_mean_gives() -> None:
    evaluation = measured()
    tiles = report(evaluation).story.tiles
    assert [one.name for one in tiles] == ["RMSE", "MAE", "R²", "Spearman correlation", "Pearson correlation"]
    rmse, base = evaluation.metrics["rmse"], evaluation.baseline["rmse"]
    assert tiles[0].notes == (f"{rmse.low:,.0f} to {rmse.high:,.0f}", f"the mean gives {base:,.0f}")
    assert tiles[0].scale == (0.0, base)
    assert tiles[2].scale == (0.0, 1.0)


def test_a_validation_error_below_that_of_the_test_was_optimistic() -> None:
    standing = Standing("full", 5_000.0, 4_000.0, 6_000.0, 0.0, 0.0, 0.0, 9, 9)
    html = page(report(measured(), standings=[standing]))
    assert "below the interval of the test value: the validation value was optimistic" in html
    standing = Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 9, 9)
    html = page(report(measured(), standings=[standing], metric="r2"))
    assert "below the interval of the test value." in html


def test_hostile_words_stay_words() -> None:
    found = Page(page(report(measured(), Preview(HOSTILE), project=HOSTILE)))
    assert found.open == []
    assert not {"script", "img"} & {tag for tag, _ in found.tags}


def test_images_are_shown_in_cards() -> None:
    html = page(report(measured(), image()))
    assert html.count('<figure class="card">') == MISTAKES + 1
    assert "<th>Text</th>" not in html


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        ([3.0], [4.0]),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
        ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]),
        ([0.0, 1e-9, 5e-9], [1e-9, 1e-9, 4e-9]),
        ([-1e12, 0.0, 1e12], [1e12, 0.0, -1e12]),
        ([0.0] * 50 + [1.0] * 50, [0.1] * 100),
    ],
    ids=["one row", "all right", "always the mean", "tiny", "huge and wrong", "two labels"],
)
def test_any_numbers_make_a_page(actual: list[float], said: list[float]) -> None:
    evaluation = measured(np.array(actual), np.array(said))
    found = Page(page(report(evaluation)))
    assert found.open == []
    assert "nan" not in found.text
    assert sum(one.rows for one in evaluation.ranges) == len(actual)


def test_a_page_of_many_rows_draws_some_and_says_so() -> None:
    evaluation = measured(np.arange(5000.0), np.arange(5000.0) + 1, resamples=2)
    html = page(report(evaluation))
    assert "(1,500 of 5,000)" in html
    assert len(html) < 400_000


def test_the_histogram_counts_every_row() -> None:
    assert str(errors_figure(np.array([-1.0, 0.0, 0.0, 1e9]))).count("<title>") >= 5
    assert "actual 3, predicted 4" in scatter_figure(measured(np.array([3.0]), np.array([4.0])).shown, 3.0)


def test_metrics_json_gets_all_that_is_measured_besides_the_metrics() -> None:
    evaluation = measured()
    added = evaluation.story(Gallery({})).json
    assert set(added) == {"baseline", "errors", "ranges"}
    assert added["baseline"] == {"mean_of_train": evaluation.mean, **evaluation.baseline}
    assert set(added["errors"]) == {"bias", "absolute_median", "absolute_90%", "absolute_largest"}
    assert added["errors"]["absolute_largest"] == np.abs(SAID - ACTUAL).max()
    assert abs(evaluation.worst[0].error) == np.abs(SAID - ACTUAL).max()
