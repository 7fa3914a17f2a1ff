"""What users wrote is shown, and never obeyed: in a terminal, in Markdown, in a spreadsheet."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from finetrail.data.shown import for_cell, for_markdown, for_terminal

HOSTILE = [
    "Eve\x1b]0;OWNED\x07\x1b[2J\r\nfake line: 9 promotion ok\u202e",
    "<img src=x onerror=alert(1)>`![p](http://127.0.0.1:9/p.png) <script>alert(2)</script>\n\n# Owned\n---",
    "a|b\\|c [click](javascript:alert(3)) \x9b31m",
    "http://evil.example/x www.evil.example @admin ~~x~~ $\\alpha$ __x__ &lt;",
]


@given(st.text())
@example(HOSTILE[0])
def test_a_terminal_sees_one_line_without_codes(text: str) -> None:
    shown = for_terminal(text)
    assert len(shown.splitlines()) <= 1
    assert not [one for one in shown if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")]
    assert not {"\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u200e", "\u200f"} & {*shown}


@pytest.mark.parametrize("text", ["Zoë", "日本語の文", "می‌خواهم", "👩‍🚀 ok", "[red]alert[/b]", "1 < 2 & 3"])
def test_a_terminal_sees_words_as_they_are(text: str) -> None:
    assert for_terminal(text) == text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("around", ["Labels: {}.", "| label | rows |\n|---|---|\n| {} | 3 |"])
def test_markdown_becomes_the_text_and_nothing_else(text: str, around: str) -> None:
    reader = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
    tokens = reader.parse(around.format(for_markdown(text)))
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special"}
    assert not [token for token in tokens if token.type in ("html_block", "heading_open", "hr", "fence")]
    said = "".join(child.content for child in inline)
    assert for_terminal(text) in said


@given(st.text(max_size=40))
def test_any_text_survives_markdown(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(f"Labels: {for_markdown(text)}.")
    said = "".join(child.content for token in tokens for child in token.children or ())
    assert said == f"Labels: {for_terminal(text)}."


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ('=HYPERLINK("http://x","ok")', '\'=HYPERLINK("http://x","ok")'),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("-2.5e3", "-2.5e3"),
        ("plain = text", "plain = text"),
        (-3, -3),
        (None, None),
    ],
)
def test_a_spreadsheet_computes_nothing(value: object, cell: object) -> None:
    assert for_cell(value) == cell
