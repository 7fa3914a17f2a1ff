"""Examples made ready for a page."""

import pytest

from finetrail.evaluation.report.gallery import EXCERPT, Gallery, Shown, excerpt, show
from finetrail.evaluation.report.previews import Preview
from tests.unit.evaluation.report.pages import image


def test_a_preview_that_a_browser_must_not_guess_at_is_refused() -> None:
    with pytest.raises(ValueError, match=r"starts with b'<svg xml'; it must be PNG, JPEG or WebP"):
        show(Preview(image=b"<svg xmlns='http://www.w3.org/2000/svg'/>"))


@pytest.mark.parametrize(("kind", "media"), [("PNG", "png"), ("JPEG", "jpeg"), ("WebP", "webp")])
def test_an_image_becomes_an_address_of_its_own_kind(kind: str, media: str) -> None:
    assert show(image(kind=kind)).address.startswith(f"data:image/{media};base64,")


def test_a_text_is_shown_on_one_line_cut_and_with_its_end_if_asked() -> None:
    assert excerpt(" a\x00 b\r\n\tc\x9f ") == "a b c"
    long = "begin " + "x" * EXCERPT + " end"
    assert excerpt(long) == long[:EXCERPT] + "…"
    assert excerpt(long, end=4) == long[: EXCERPT - 4] + "… end"


def test_a_gallery_is_in_the_order_of_the_ids_and_knows_which_rows_are_images() -> None:
    gallery = Gallery.of({"b": image(), "a": Preview("a text"), "c": Preview()})
    assert list(gallery.shown) == ["a", "b", "c"]
    assert list(gallery.images) == ["b"]
    assert gallery.shown["a"] == Shown(text="a text")


def test_a_row_that_is_not_known_is_shown_as_nothing() -> None:
    class Row:
        id = "x"

    row = Row()
    assert Gallery({}).beside([row]) == [(row, Shown())]
