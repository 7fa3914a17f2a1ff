"""The figures of a report on boxes: precision by recall, kinds of mistakes, and images with their boxes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.axes import Axis, Plane
from finetrail.evaluation.report.drawing import canvas, draw, finish, path, shorten
from finetrail.evaluation.report.gallery import Shown
from finetrail.targets.boxes.codec import SAME
from finetrail.targets.boxes.kinds import KINDS
from finetrail.targets.boxes.overlap import overlap_of
from finetrail.targets.boxes.reading import boxes_of

if TYPE_CHECKING:
    from finetrail.targets.boxes.evaluation import DrawnRow, OfClass

CURVES, POINTS = 3, 120
"""Classes that are drawn, those of lowest average precision, and points of each."""


def curves_figure(classes: "Sequence[OfClass]") -> Markup:
    """Draw precision by recall at an overlap of 0.5, for the weakest classes."""
    shown = sorted((one for one in classes if one.objects), key=lambda one: one.ap_50)[:CURVES]
    plane = Plane(Axis("recall", (0.0, 0.25, 0.5, 0.75, 1.0)), Axis("precision", (0.0, 0.25, 0.5, 0.75, 1.0)))
    svg = plane.start("Precision by recall")
    for number, one in enumerate(shown):
        recall, precision = one.curve
        places = np.unique(np.linspace(0, max(0, len(recall) - 1), POINTS).round().astype(np.int64)).tolist()
        points = [plane.place(float(recall[place]), float(precision[place])) for place in places if len(recall)]
        if points:
            group = draw(svg, "g")
            draw(group, "title", f"{one.name}: AP50 {one.ap_50:.3f}")
            draw(group, "polyline", kind=f"curve c{number}", points=path(points))
            x, y = plane.place(0.04, 0.3 - 0.1 * number)
            draw(svg, "circle", kind=f"dot c{number}", cx=x, cy=y, r=4)
            draw(svg, "text", shorten(one.name, 24), kind="legend", x=x + 9, y=y + 4)
    return finish(svg)


def kinds_figure(kinds: Mapping[str, int]) -> Markup:
    """Draw a bar for each kind of mistake."""
    left, side, tall = 96.0, 240.0, 24.0
    svg = canvas(left + side + 60, tall * len(kinds) + 8, "Mistakes by kind")
    most = max(1, *kinds.values())
    for place, (kind, count) in enumerate(kinds.items()):
        y = 4 + place * tall
        group = draw(svg, "g")
        draw(group, "title", f"{kind}: {count:,} {KINDS[kind]}")
        draw(group, "text", kind, kind="label end", x=left - 8, y=y + 15)
        draw(group, "rect", kind="bar", x=left, y=y + 3, width=count / most * side, height=tall - 8)
        draw(group, "text", f"{count:,}", kind="tick", x=left + count / most * side + 6, y=y + 15)
    return finish(svg)


def image_figure(row: "DrawnRow", shown: Shown, labels: Sequence[str]) -> Markup:
    """Draw an image with its objects and the answers of the model."""
    width, height = row.answers.size
    svg = canvas(width, height, f"{len(row.actual)} objects and {len(row.answers)} answers")
    draw(svg, "image", href=shown.address, width=width, height=height)
    for one in [*objects(row), *answers(row, labels)]:
        draw_box(svg, one, max(width, height) / 320)
    return finish(svg)


def boxes_figure(
    label: Sequence[Mapping[str, Any]], shown: Shown, beside: Sequence[Mapping[str, Any]] | None
) -> Markup:
    """Draw an image with the boxes of a label. Those that another label of it lacks are set off and named."""
    boxes, (width, height) = boxes_of(label), shown.size
    known = beside is not None
    others = boxes_of(beside or ())
    svg = canvas(width, height, f"{len(boxes)} boxes")
    draw(svg, "image", href=shown.address, width=width, height=height)
    for box in boxes:
        there = known and any(box.label == other.label and overlap_of(box, other) >= SAME for other in others)
        kind = "crowd" if box.crowd else "truth" if there else "hit"
        draw_box(svg, Drawn(box[1:5], kind, box.label, "" if there else box.label), max(width, height) / 320)
    return finish(svg)


class Drawn(NamedTuple):
    """A box in a figure. Attributes: kind: of the style sheet; said: under the pointer; text: beside it."""

    corners: Sequence[float]
    kind: str
    said: str
    text: str = ""


def objects(row: "DrawnRow") -> Iterator[Drawn]:
    """The objects of the data."""
    for box, missed in zip(row.actual, row.explained.missed.tolist(), strict=True):
        if missed:
            yield Drawn(box[1:5], "missed", f"{box.label}: missed", box.label)
        else:
            kind, said = ("crowd", f"{box.label}: a crowd") if box.crowd else ("truth", box.label)
            yield Drawn(box[1:5], kind, said)


def answers(row: "DrawnRow", labels: Sequence[str]) -> Iterator[Drawn]:
    """What the model answered."""
    found = row.answers
    columns = (found.boxes.tolist(), found.classes.tolist(), found.scores.tolist(), row.explained.kinds)
    for corners, number, score, kind in zip(*columns, strict=True):
        name = labels[number]
        if kind:
            yield Drawn(corners, "wrong", f"{name} {score:.2f}: {KINDS[kind]}", f"{name} ({kind})")
        else:
            yield Drawn(corners, "hit", f"{name} {score:.2f}: right")


def draw_box(svg: Element, one: Drawn, unit: float) -> None:
    """Draw a box with its text. Args: unit: pixels of the image for each of a figure of usual size."""
    left, top, right, bottom = one.corners
    group = draw(svg, "g", kind=f"object {one.kind}")
    draw(group, "title", one.said)
    draw(group, "rect", x=left, y=top, width=max(0.0, right - left), height=max(0.0, bottom - top))
    if one.text:
        style = f"font-size:{9 * unit:.1f}px"
        draw(group, "text", shorten(one.text, 22), x=left + 2 * unit, y=top + 10 * unit, style=style)
