"""Images with the masks of the data and of the model over them."""

import base64
import colorsys
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish
from finetrail.evaluation.report.gallery import Shown
from finetrail.targets.masks.label import BACKGROUND, names_in
from finetrail.targets.masks.raster import IGNORED, Pixels, numbers_of
from finetrail.targets.masks.scores import nearest

if TYPE_CHECKING:
    from finetrail.targets.masks.evaluation import DrawnRow

Colour = tuple[int, int, int]
FIRST: tuple[Colour, ...] = ((36, 88, 211), (240, 190, 30), (11, 138, 106), (124, 77, 196), (0, 190, 220))
"""Colours of the first classes; those of errors are among none."""
WRONG: Colour = (226, 52, 42)
GREY: Colour = (120, 120, 120)
SEEN = 125
"""How opaque a mask is, of 255."""
GAP, TITLE = 8.0, 22.0


def colours(classes: Sequence[str]) -> dict[str, Colour]:
    """A colour for each class but the background."""
    named = [name for name in classes if name != BACKGROUND]
    return {name: FIRST[place] if place < len(FIRST) else _further(place) for place, name in enumerate(named)}


def overlays_figure(row: "DrawnRow", shown: Shown, classes: Sequence[str]) -> Markup:
    """Draw an image three times: with the mask of the data, with that of the model, and with what differs."""
    wide, high = shown.width, shown.height
    actual, answer = (nearest(numbers_of(one, classes), wide, high) for one in (row.actual, row.answer))
    known = {classes.index(name): (*colour, SEEN) for name, colour in colours(classes).items()}
    known[IGNORED] = (*GREY, SEEN)
    wrong = np.where(actual == IGNORED, IGNORED, actual != answer).astype(np.uint8)
    panels = (
        ("data", overlay(actual, known)),
        ("answer", overlay(answer, known)),
        ("differs", overlay(wrong, {1: (*WRONG, 255), IGNORED: (*GREY, SEEN)})),
    )
    unit = max(wide, high) / 160
    svg = canvas(3 * wide + 2 * GAP * unit, high + TITLE * unit, "An image, with the mask of the data and of the model")
    name = f"image-{row.id}"
    draw(draw(svg, "defs"), "image", id=name, href=shown.address, width=wide, height=high)
    for place, (title, pixels) in enumerate(panels):
        left = place * (wide + GAP * unit)
        style = f"font-size:{12 * unit:.1f}px"
        draw(svg, "text", title, kind="legend", x=left + 2 * unit, y=TITLE * unit * 0.7, style=style)
        panel = draw(svg, "g", transform=f"translate({left:.1f} {TITLE * unit:.1f})")
        draw(panel, "use", href=f"#{name}")
        draw(panel, "image", href=pixels, width=wide, height=high)
    return finish(svg)


def overlay_figure(label: Mapping[str, Any], shown: Shown, beside: Mapping[str, Any] | None) -> Markup:
    """Draw an image with the mask of a label, and the names of its classes. Args: beside: another label of it."""
    names = sorted({name for one in (label, beside or label) for name in names_in(one)})
    classes, (wide, high) = (BACKGROUND, *(name for name in names if name != BACKGROUND)), (shown.width, shown.height)
    inks = colours(classes)
    seen = {classes.index(name): (*colour, SEEN) for name, colour in inks.items()} | {IGNORED: (*GREY, SEEN)}
    svg = canvas(wide, high, "An image with a mask")
    draw(svg, "image", href=shown.address, width=wide, height=high)
    draw(svg, "image", href=overlay(nearest(numbers_of(label, classes), wide, high), seen), width=wide, height=high)
    there, unit = set(names_in(label)), max(wide, high) / 160
    for place, name in enumerate(name for name in inks if name in there):
        style = f"font-size:{7 * unit:.1f}px;fill:rgb{inks[name]}"
        draw(draw(svg, "g", kind="object"), "text", name, x=3 * unit, y=(place + 1) * 9 * unit, style=style)
    return finish(svg)


def overlay(numbers: Pixels, seen: Mapping[int, tuple[int, int, int, int]]) -> str:
    """An index image as the address of a PNG, with a colour for some numbers; the others are clear."""
    from PIL import Image

    image = Image.fromarray(numbers, "P")
    image.putpalette(bytes(value for number in range(256) for value in seen.get(number, (0, 0, 0, 0))[:3]))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes(seen.get(number, (0, 0, 0, 0))[3] for number in range(256)))
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _further(place: int) -> Colour:
    """Hues as far apart as any number of them can be, by the golden ratio."""
    red, green, blue = colorsys.hsv_to_rgb(place * 0.61803 % 1, 0.65, 0.8)
    return round(255 * red), round(255 * green), round(255 * blue)
