"""Learning curves as a figure."""

from finetrail.evaluation.report.figures import Curve, Panel, curves_figure


def test_curves_without_a_finite_point_are_left_out() -> None:
    assert curves_figure(Panel("Loss", (Curve("training", ((1, float("nan")),)),))) is None
    assert curves_figure(Panel("Loss", ())) is None
    flat = curves_figure(Panel("Loss", (Curve("training", ((1, 0.0), (2, 0.0))),)))
    assert flat is not None
    assert "nan" not in flat
