"""The comparison as one self-contained page, and its numbers as JSON."""

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from finetrail.commands.compare.comparison import Comparison
from finetrail.commands.compare.costs import Cost
from finetrail.commands.compare.learned import Learned, learned
from finetrail.commands.compare.scatter import Point, scatter
from finetrail.errors import ConfigError
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import render
from finetrail.evaluation.selection import rounded
from finetrail.workspace import Workspace, write_json

PAGE, NUMBERS = "compare.html", "compare.json"


@dataclass(frozen=True)
class _Figure:
    """One figure of the page. Attributes: front: the names on it, best first."""

    cost: Cost
    svg: Markup
    front: tuple[str, ...]


def folder_for(workspace: Workspace, output: Path | None) -> Path:
    """The folder to write to.

    Args:
        output: that somebody asked for; None for one that is nobody's out.

    Raises:
        ConfigError: it is a file, or lies in an out of a stage, which DVC would find changed.
    """
    folder = workspace.scratch / "compare" if output is None else output
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--output {folder} is a file, but the page and its numbers need a folder; name another one")
    if stage := workspace.stage_of(workspace.root / folder):
        raise ConfigError(
            f"--output {folder} lies in what `{stage}` writes, and DVC would run that again; name a folder outside data"
        )
    return folder


def write(found: Comparison, folder: Path) -> Path:
    """Write compare.html and compare.json; returns the page."""
    write_json(folder / NUMBERS, found.as_json())
    page = folder / PAGE
    page.write_text(str(page_of(found)), encoding="utf-8")
    return page


def page_of(found: Comparison) -> Markup:
    """The page as one HTML document. Equal input gives equal bytes."""
    ends = [(one.value.low, one.value.high) for one in found.candidates]
    return render(
        "compare.html.jinja",
        "finetrail.commands.compare",
        found=found,
        metric=found.metric,
        rounded=rounded,
        title=capital(found.metric.title),
        scale=(min(low for low, _ in ends), max(high for _, high in ends)),
        figures=[_figure(found, kind) for kind in found.costs],
        curves=learned(_numbered(found), found.metric),
    )


def _numbered(found: Comparison) -> list[Learned]:
    return [
        Learned(one.candidate, at, one.learned, one.candidate == found.chosen)
        for at, one in enumerate(found.candidates, start=1)
    ]


def _figure(found: Comparison, kind: Cost) -> _Figure:
    members = found.fronts[kind.name]
    points = [
        Point(
            one.candidate,
            number,
            one.costs[kind.name],
            one.value,
            one.candidate in members,
            one.candidate == found.chosen,
        )
        for number, one in enumerate(found.candidates, start=1)
    ]
    return _Figure(kind, scatter(points, kind, found.metric), members)
