"""Helpers to draw SVG, built as a tree so that no text can break out of it; the page's style sheet colours it.

Not matplotlib: these few figures follow the reader's light or dark scheme, show a cell's content under the pointer,
have the same bytes on every machine, and import fast.
"""

import math
from collections.abc import Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup


def canvas(width: float, height: float, description: str) -> Element:
    """Start a figure; a screen reader says `description`."""
    # `style` caps the figure at its natural size, so that letters do not grow with the window.
    return Element(
        "svg",
        {
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "role": "img",
            "aria-label": description,
            "style": f"width:{number(width)}px",
        },
    )


def draw(parent: Element, tag: str, text: str | None = None, **attributes: str | float) -> Element:
    """Add an element. `kind` becomes its class, underscores in names become hyphens, numbers get two decimals."""
    element = SubElement(
        parent,
        tag,
        {
            "class" if name == "kind" else name.replace("_", "-"): value if isinstance(value, str) else number(value)
            for name, value in attributes.items()
        },
    )
    element.text = text
    return element


def write(parent: Element, text: str, **attributes: str | float) -> Element:
    """Add a text; see `draw`."""
    return draw(parent, "text", text, **attributes)


def finish(svg: Element) -> Markup:
    """Serialise; the result is safe to insert into a page."""
    return Markup(tostring(svg, encoding="unicode", short_empty_elements=True))  # noqa: S704 - ElementTree has escaped it


def alone(figure: Markup) -> str:
    """A figure as a separate file that includes the page's style sheet and background.

    It states its size: otherwise a page that shows it as an image, like that of `dvc plots`, would give it no room.
    """
    style = files("finetrail.evaluation.report").joinpath("report.css").read_text(encoding="utf-8")
    head, _, rest = figure.removeprefix("<svg").partition(">")
    width, height = head.partition('viewBox="0 0 ')[2].partition('"')[0].split()
    start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"{head}>'
    return f"{start}<style>{style}svg {{ background: var(--card); }}</style>{rest}"


def number(value: float) -> str:
    """Write a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def shorten(text: str, limit: int) -> str:
    """Cut in the middle: class names such as `comp.sys.ibm.pc.hardware` differ at both ends."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Choose round numbers, about as many as asked, that enclose [low, high]."""
    span = (high - low) or abs(high) or 1.0
    raw = span / about
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999) * magnitude
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * k, 12) for k in range(first, max(last, first + 1) + 1)]


def path(points: Sequence[tuple[float, float]]) -> str:
    """Join points with straight lines, as the `points` of a polyline."""
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)
