"""Parameters as they arrive: Prefect's command reads each `-p` as JSON, so a name such as 8416302 comes as a number."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, WithJsonSchema

from finetrail.errors import ConfigError

if TYPE_CHECKING:
    Text = str | int | float | bool
    Recipe = Text
    Deployment = str
else:
    # The titles are those of the buttons in the form of a run.
    _NUMBER = WithJsonSchema({"title": "number", "type": "number"})
    _FLAG = Annotated[bool, Field(title="true or false")]
    Text = Annotated[str, Field(title="text")] | Annotated[int | float, _NUMBER] | _FLAG
    """What a text may have become on its way."""
    _HERE = tuple(sorted(one.stem for one in (Path(__file__).parents[1] / "recipes").glob("*.yaml")))
    Recipe = Annotated[Literal[_HERE], Field(title="one of these")] | Text if _HERE else Text
    """A recipe of this checkout, or one that only the commit of a run has."""
    Deployment = Annotated[str, Field(title="deployment")]

REF = re.compile(r"[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]{0,199}")
"""A branch, a tag or a commit: git says the rest."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Of a recipe or a candidate."""
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,199}")
"""A number, an alias, a candidate, or a models:/ address."""


def text_of(parameter: str, value: Text, allowed: re.Pattern[str]) -> str:
    """The text that was meant.

    Raises:
        ConfigError: it cannot be such a name, and might mean something else to the programs that get it.
    """
    text = value if isinstance(value, str) else json.dumps(value)
    if allowed.fullmatch(text) is None:
        shown = f"{text[:60]!r}{'...' if len(text) > 60 else ''}"
        raise ConfigError(f"{parameter} is {shown}, which cannot be a name; it must match {allowed.pattern}")
    return text


def misread(text: str, commits: list[str]) -> str | None:
    """The commit whose abbreviation was taken for a number: 12e4567 arrives as Infinity, 12e3 as 12000.0.

    Args:
        commits: all that the repository has, in full.

    Returns:
        None where the text is no such number, or no one commit begins with one that is equal to it.
    """
    try:
        number = json.loads(text)
    except ValueError:
        return None
    if not isinstance(number, float):
        return None
    found = [commit for commit in commits if any(float(one) == number for one in _like_numbers(commit))]
    return found[0] if len(found) == 1 else None


def _like_numbers(commit: str) -> list[str]:
    """The abbreviations of a commit that are numbers with an exponent; git takes four characters or more."""
    begin = re.match(r"\d+e\d+", commit)
    least = commit.find("e") + 2
    return [commit[:length] for length in range(max(4, least), begin.end() + 1)] if begin else []
