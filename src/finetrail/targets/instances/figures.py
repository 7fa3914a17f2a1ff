"""Images with the masks of their objects, in the data and as the model drew them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish
from finetrail.evaluation.report.gallery import Shown
from finetrail.targets.boxes.figures import Drawn, answers, draw_box, objects
from finetrail.targets.masks.figures import GAP, SEEN, TITLE, overlay
from finetrail.targets.masks.raster import pixels_of
from finetrail.targets.masks.scores import nearest

if TYPE_CHECKING:
    from finetrail.targets.boxes.evaluation import DrawnRow

COLOURS = {"truth": (11, 138, 106), "crowd": (136, 136, 136), "missed": (192, 38, 163)}
COLOURS |= {"hit": (36, 88, 211), "wrong": (210, 73, 26)}
"""Of masks, by the kind of their boxes; the style sheet has the same for these."""


def objects_figure(row: "DrawnRow", shown: Shown, labels: Sequence[str]) -> Markup:
    """Draw an image twice: with the objects of the data, and with the answers of the model."""
    width, height = row.answers.size
    unit = max(width, height) / 160
    svg = canvas(2 * width + GAP * unit, height + TITLE * unit, f"{len(row.actual)} objects and their answers")
    found = [] if row.answers.masks is None else row.answers.masks.tolist()
    panels = (("data", list(objects(row)), row.masks), ("answer", list(answers(row, labels)), found))
    for place, (title, drawn, masks) in enumerate(panels):
        left, style = place * (width + GAP * unit), f"font-size:{12 * unit:.1f}px"
        draw(svg, "text", title, kind="legend", x=left + 2 * unit, y=TITLE * unit * 0.7, style=style)
        panel = draw(svg, "g", transform=f"translate({left:.1f} {TITLE * unit:.1f})")
        draw(panel, "image", href=shown.address, width=width, height=height)
        draw(panel, "image", href=_pixels(drawn, masks, (width, height), shown), width=width, height=height)
        for one in drawn:
            draw_box(panel, one, unit)
    return finish(svg)


def _pixels(drawn: Sequence[Drawn], masks: Sequence[str | None], size: tuple[int, int], shown: Shown) -> str:
    """The address of an image of masks, each in the colour of its kind; the surer lie on top."""
    kinds = list(COLOURS)
    numbers = np.zeros((shown.height, shown.width), dtype=np.uint8)
    for one, counts in reversed(list(zip(drawn, masks, strict=True))):
        if counts is not None:
            pixels = nearest(pixels_of(counts, *size).astype(np.uint8), shown.width, shown.height)
            numbers[pixels > 0] = 1 + kinds.index(one.kind)
    return overlay(numbers, {1 + place: (*COLOURS[kind], SEEN) for place, kind in enumerate(kinds)})
