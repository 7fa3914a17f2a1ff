"""The figures of sets of classes: what they show, in which order, safe and the same each time."""

import re
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest

from finetrail.targets.class_sets.figures import CURVES, MOST_BARS, MOST_POINTS, f1_figure, precision_recall_figure
from finetrail.targets.class_sets.metrics import per_class
from tests.unit.targets.class_sets.answers import answers

HOSTILE = '</svg><script>alert("x")</script> & \u202e'
NAMES = [f"class {k}" for k in range(8)]
ACTUAL, PREDICTED, PROBABILITIES = answers(400, 8, 3, levels=10**6)
ACTUAL[:, 0] = False
ACTUAL[:, 1] = np.arange(400) < 5
FOUND = per_class(ACTUAL, PREDICTED, PROBABILITIES)


def parts(svg: Element, tag: str, kind: str = "") -> list[Element]:
    return [one for one in svg.iter(tag) if kind in one.get("class", "").split() or not kind]


def test_each_class_with_rows_has_a_bar_as_long_as_its_f1_the_lowest_first() -> None:
    svg = fromstring(str(f1_figure(FOUND, np.full(8, 0.25), NAMES)))  # noqa: S314  (our own)
    widths = [float(bar.attrib["width"]) for bar in parts(svg, "rect", "bar")]
    assert widths == pytest.approx(sorted(FOUND.f1[1:] * 300), abs=0.01)
    order = sorted(range(1, 8), key=lambda k: FOUND.f1[k])
    assert [label.text for label in parts(svg, "text", "label")] == [NAMES[k] for k in order]
    worst = order[0]
    said = f"class {worst}: F1 {FOUND.f1[worst]:.3f}, precision {FOUND.precision[worst]:.3f}, recall "
    assert str(parts(svg, "title")[0].text).startswith(said)
    assert str(parts(svg, "title")[0].text).endswith(f"from probability 0.25 on, support {FOUND.support[worst]:,}")
    (few,) = parts(svg, "g", "few")
    assert few.findtext("text") == "class 1"


def test_of_many_classes_the_lowest_f1_are_shown() -> None:
    found = answers(300, MOST_BARS + 15, 0)
    metrics = per_class(*found)
    names = [f"k{k}" for k in range(MOST_BARS + 15)]
    svg = fromstring(str(f1_figure(metrics, np.full(len(names), 0.5), names)))  # noqa: S314
    shown = [str(label.text) for label in parts(svg, "text", "label")]
    assert len(shown) == MOST_BARS
    hidden = [metrics.f1[k] for k, name in enumerate(names) if name not in shown and metrics.support[k]]
    assert max(metrics.f1[names.index(name)] for name in shown) <= min(hidden)


def test_the_curves_of_the_worst_classes_rise_in_recall_and_end_at_all_rows() -> None:
    svg = fromstring(str(precision_recall_figure(ACTUAL, PROBABILITIES, FOUND, NAMES)))  # noqa: S314
    lines = parts(svg, "polyline")
    assert len(lines) == CURVES
    order = sorted(range(1, 8), key=lambda k: FOUND.average_precision[k])[:CURVES]
    for line, k in zip(lines, order, strict=True):
        corners = [tuple(map(float, corner.split(","))) for corner in line.attrib["points"].split()]
        assert len(corners) <= 2 * MOST_POINTS
        across = [x for x, _ in corners]
        assert across == sorted(across)
        # All of the class are found at the end, by all rows down to the last of them.
        lowest = PROBABILITIES[ACTUAL[:, k], k].min()
        precision = FOUND.support[k] / (PROBABILITIES[:, k] >= lowest).sum()
        assert corners[-1] == pytest.approx((52 + 300, 10 + (1 - precision) * 300), abs=0.01)
    assert [line.get("stroke-dasharray") for line in lines] == [None] * 3 + ["5 4"] * 3
    assert [text.text for text in parts(svg, "text", "legend")] == [
        f"{NAMES[k]} ({FOUND.average_precision[k]:.2f})" for k in order
    ]


def test_the_area_of_a_short_curve_is_the_average_precision() -> None:
    actual, predicted, probabilities = answers(40, 1, 1, levels=10**6)
    found = per_class(actual, predicted, probabilities)
    (line,) = parts(fromstring(str(precision_recall_figure(actual, probabilities, found, ["a"]))), "polyline")  # noqa: S314
    corners = np.array([corner.split(",") for corner in line.attrib["points"].split()], dtype=np.float64)
    recall, precision = (corners[:, 0] - 52) / 300, 1 - (corners[:, 1] - 10) / 300
    area = (np.diff(recall) * precision[1:]).sum()
    assert area == pytest.approx(found.average_precision[0], abs=1e-3)


def test_names_cannot_break_out_and_the_bytes_are_the_same_each_time() -> None:
    hostile = [f"{HOSTILE}{k}" for k in range(8)]
    drawn = [
        [str(f1_figure(FOUND, np.full(8, 0.5), hostile)), str(precision_recall_figure(*shown, FOUND, hostile))]
        for shown in ((ACTUAL, PROBABILITIES), (ACTUAL.copy(), PROBABILITIES.copy()))
    ]
    assert drawn[0] == drawn[1]
    for svg in drawn[0]:
        assert "<script" not in svg
        assert len(re.findall("</svg>", svg)) == 1
        fromstring(svg)  # noqa: S314


def test_nothing_is_drawn_where_no_class_has_a_row() -> None:
    nothing = np.zeros((3, 8), dtype=bool)
    found = per_class(nothing, nothing, np.zeros((3, 8)))
    assert f1_figure(found, np.full(8, 0.5), NAMES) is None
    assert precision_recall_figure(nothing, np.zeros((3, 8)), found, NAMES) is None
