"""A report is a list of sections. One module makes each section, from a template beside it.

Templates share one environment, which escapes all text, since a data set may hold anything. Equal input gives equal
bytes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from finetrail.evaluation.report.drawing import number
from finetrail.evaluation.report.stacked import stacked
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import amount, setting

_HERE = "finetrail.evaluation.report"


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        name: its anchor in the page.
        title: its entry in the page's navigation; empty for none.
        html: safe to insert into a page.
        json: what it adds to details.json.
    """

    name: str
    title: str
    html: Markup
    json: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tile:
    """A number at the top of a report.

    Attributes:
        value: formatted for a reader.
        notes: lines below it.
        interval, scale: for a whisker, and the scale to draw it on.
    """

    name: str
    value: str
    notes: tuple[str, ...] = ()
    interval: Interval | None = None
    scale: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Story:
    """What a report says about a model's answers, for one kind of target.

    Attributes:
        asked: what the model predicts, in a word.
        about: a few words for the head of the page, such as the number of classes; may be empty.
        lead: the finding, in a sentence or two.
    """

    asked: str
    about: str
    lead: Markup
    tiles: Sequence[Tile]
    sections: Sequence[Section]

    @property
    def json(self) -> dict[str, Any]:
        """What all sections add to details.json."""
        return {key: value for section in self.sections for key, value in section.json.items()}


def render(template: str, package: str = _HERE, **values: Any) -> Markup:
    """Fill a template. Args: template: a file of `package`; values: what it names."""
    return Markup(_environment().get_template(f"{package}/{template}").render(**values))  # noqa: S704 - it escapes


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_read),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        amount="{:,}".format,
        score="{:.3f}".format,
        figure=amount,
        setting=setting,
        signed=lambda value: ("+" if value > 0 else "") + amount(value),
        percent=lambda share: f"{100 * share:.1f}%",
        width=lambda share: f"{number(100 * min(1.0, max(0.0, share)))}%",
        within=lambda value, scale: (value - scale[0]) / ((scale[1] - scale[0]) or 1.0),
        code=_code,
        stacked=stacked,
    )
    return environment


def _read(name: str) -> str:
    package, _, file = name.rpartition("/")
    return files(package or _HERE).joinpath(file).read_text(encoding="utf-8")


def _code(text: str) -> Markup:
    """Escape, and mark text between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
