"""The report of a regression: complete, safe, the same bytes each time, and of any numbers."""

from typing import Any

import numpy as np
import pytest

from finetrail.errors import ModelError
from finetrail.evaluation.report.figures import Curve, Panel
from finetrail.evaluation.report.page import MISTAKES, Report
from finetrail.evaluation.report.previews import Preview, Seen
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.targets.classes.metrics import Floats
from finetrail.targets.numbers.evaluation import RegressionEvaluation, evaluate_regression
from finetrail.targets.numbers.figures import errors_figure, scatter_figure
from finetrail.targets.numbers.report import render_regression, wanted_in_regression
from tests.unit.targets.classes.test_report import HOSTILE, _image, _Page, _report

RNG = np.random.default_rng(0)
ACTUAL = RNG.normal(size=120) * 40_000 + 250_000
SAID = ACTUAL + RNG.normal(size=120) * 10_000


def measured(actual: Floats = ACTUAL, said: Floats = SAID, **changes: Any) -> RegressionEvaluation:
    ids = [f"id{row:03d}" for row in range(len(actual))]
    given: dict[str, Any] = {"mean": float(actual.mean()), "confidence": 0.95, "resamples": 100, "seed": 0} | changes
    return evaluate_regression(ids, actual, said, **given)


def report(
    evaluation: RegressionEvaluation, preview: Preview | None = None, **changes: Any
) -> Report[RegressionEvaluation]:
    standings = [
        Standing("full", 10_200.0, 9_000.0, 11_000.0, 0.0, 0.0, 0.0, 9000, 9000),
        Standing("lora", 10_400.0, 9_100.0, 11_200.0, 200.0, -400.0, 700.0, 100, 9100),
    ]
    given: dict[str, Any] = {
        "evaluation": evaluation,
        "previews": dict.fromkeys(wanted_in_regression(evaluation), preview or Preview("a text")),
        "seen": [Seen("250000", preview or Preview("a text"))],
        "choice": choose(standings, Selection(metric="rmse")),
        "panels": [Panel("loss", (Curve("training", ((1, 2.0), (2, 1.0))),), best=2)],
    } | changes
    common = _report(["a", "b"])
    return Report(
        project=given.pop("project", "Prices"),
        task="text-regression",
        model="a tiny encoder",
        split=common.split,
        lineage=common.lineage,
        **given,
    )


def test_every_section_is_there_and_the_elements_nest() -> None:
    made = report(measured())
    page = _Page(render_regression(made))
    assert page.open == []
    anchors = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert anchors == {f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"}
    assert sum(tag == "svg" for tag, _ in page.tags) == 3
    shown = " ".join(page.text.split())
    metrics = made.evaluation.metrics
    for expected in (
        f"The model is off by {metrics['mae'].value:,.0f} on average (RMSE {metrics['rmse'].value:,.0f})",
        f"would be off by {made.evaluation.baseline['mae']:,.0f}",
        f"It explains {100 * metrics['r2'].value:.1f}% of how the test labels vary",
        f"{metrics['rmse'].low:,.0f} to {metrics['rmse'].high:,.0f}",
        "`full` has the lowest validation RMSE, 10,200".replace("`", ""),
        "200 (-400 to 700)",
        made.evaluation.mistakes[0].id,
        "Validation RMSE was 10,400, within the interval of the test value",
    ):
        assert expected in shown
    assert render_regression(made) == render_regression(report(measured()))


def test_a_validation_error_below_that_of_the_test_was_optimistic() -> None:
    standing = Standing("full", 5_000.0, 4_000.0, 6_000.0, 0.0, 0.0, 0.0, 9, 9)
    html = render_regression(report(measured(), choice=choose([standing], Selection(metric="rmse"))))
    assert "below the interval of the test value: the validation value was optimistic" in html
    standing = Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 9, 9)
    html = render_regression(report(measured(), choice=choose([standing], Selection(metric="r2"))))
    assert "below the interval of the test value." in html


def test_hostile_words_stay_words() -> None:
    made = report(measured(), Preview(HOSTILE), project=HOSTILE)
    page = _Page(render_regression(made))
    assert page.open == []
    assert not {"script", "img"} & {tag for tag, _ in page.tags}


def test_images_are_shown_in_cards() -> None:
    html = render_regression(report(measured(), _image()))
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
    page = _Page(render_regression(report(evaluation)))
    assert page.open == []
    assert "nan" not in page.text
    assert sum(one.rows for one in evaluation.ranges) == len(actual)


def test_a_page_of_many_rows_draws_some_and_says_so() -> None:
    evaluation = measured(np.arange(5000.0), np.arange(5000.0) + 1, resamples=2)
    html = render_regression(report(evaluation))
    assert "(1,500 of 5,000)" in html
    assert len(html) < 400_000


def test_the_histogram_counts_every_row() -> None:
    assert str(errors_figure(np.array([-1.0, 0.0, 0.0, 1e9]))).count("<title>") >= 5
    assert "actual 3, predicted 4" in scatter_figure(measured(np.array([3.0]), np.array([4.0])).shown, 3.0)


def test_answers_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(
        ModelError, match=r"the model answers 2 of 3 rows with NaN or infinity, but every answer must be"
    ):
        measured(np.array([1.0, 2.0, 3.0]), np.array([np.nan, 2.0, np.inf]))


def test_the_json_has_all_that_is_measured() -> None:
    evaluation = measured()
    written = evaluation.as_json("test")
    assert written["test"] == {name: interval.value for name, interval in evaluation.metrics.items()}
    assert set(written) == {"test", "intervals", "baseline", "errors", "ranges"}
    assert abs(evaluation.mistakes[0].error) == np.abs(SAID - ACTUAL).max()
