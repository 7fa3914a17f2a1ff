"""A figure as a file of its own."""

from pathlib import Path
from xml.etree.ElementTree import fromstring

from markupsafe import Markup
from PIL import Image

from finetrail.evaluation.report.drawing import alone, canvas, draw, finish
from tests.browser import browse


def square() -> Markup:
    svg = canvas(240, 120, 'a <square> of "ink"')
    draw(svg, "rect", x=0, y=0, width=120, height=120, fill="var(--ink)")
    return finish(svg)


def test_a_file_of_its_own_has_size_style_and_description() -> None:
    root = fromstring(alone(square()))  # noqa: S314 - ours
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("240", "120", "0 0 240 120")
    assert root.get("aria-label") == 'a <square> of "ink"'
    assert [child.tag.rpartition("}")[2] for child in root] == ["style", "rect"]


def test_as_an_image_in_a_page_it_is_as_large_as_drawn_and_on_its_own_ground(chromium: str, tmp_path: Path) -> None:
    """As `dvc plots show` has it: in a box that is only as wide as its content."""
    (tmp_path / "square.svg").write_text(alone(square()), encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        '<body style="background:#fc0"><div style="display:inline-block"><p>HEAD</p><img src="square.svg"></div>'
    )
    _, image = browse(chromium, page.as_uri(), tmp_path)
    assert (count(image, (23, 28, 38)), count(image, (255, 255, 255))) == (120 * 120, 120 * 120)


def count(image: Image.Image, colour: tuple[int, int, int]) -> int:
    """How many pixels have a colour."""
    return sum(number for number, found in image.getcolors(maxcolors=2**24) or [] if found == colour)
