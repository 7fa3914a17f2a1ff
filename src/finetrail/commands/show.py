"""`finetrail show`: the last results on one screen."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from finetrail.commands.assessed import findings
from finetrail.commands.compared import compared_runs
from finetrail.errors import RefusedError, TrackingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice
from finetrail.registry.meant import follow, own_version
from finetrail.registry.packing import SAME_NUMBER
from finetrail.registry.versions import aliases
from finetrail.runs import tracking
from finetrail.targets.target import metric_named
from finetrail.workspace import Workspace, need, read_json


def show(workspace: Workspace, project: str, metrics: Sequence[Metric]) -> Iterator[RenderableType]:
    """The ranking of the candidates, the choice and why, the test scores and the registered version.

    Args:
        metrics: of the task, in the order in which they are shown.

    Raises:
        WorkspaceError: the pipeline has not run to its end.
    """
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    tested = read_json(need(workspace.test_details, "test"))
    need(workspace.registration, "register")
    yield _ranking(workspace, choice, metric_named(metrics, choice.metric))
    yield Text(choice.reason)
    scores = [f"{metric.title} {metric.say(tested['test'][metric.name])}" for metric in metrics]
    yield Text(f"test, scored once: {', '.join(scores)}")
    yield from (Text(f"{name}: {said}") for name, said in findings(workspace).items())
    yield from map(Text, _registered(workspace, project))
    yield Text(f"report: {(workspace.test_report / 'report.html').relative_to(workspace.root)}")
    yield Text(f"all candidates side by side, while `make ui` runs: {_compared(workspace, project)}")


def shown(workspace: Workspace) -> dict[str, Any]:
    """The same as values: choice, test scores and registered version, as the stages wrote them."""
    return {
        "selection": read_json(need(workspace.selection_report, "select")),
        "test": read_json(need(workspace.test_details, "test")),
        "registration": read_json(need(workspace.registration, "register")),
        "assessments": dict(findings(workspace)),
    }


def _registered(workspace: Workspace, project: str) -> list[str]:
    """The version that holds this workspace's model, its aliases and its metric elsewhere, or why there is none."""
    try:
        tracker = tracking.connect(workspace, project)
        moved = follow(workspace, tracker, project)
        known = own_version(workspace, tracker, project)
    except TrackingError:  # said below, where all candidates would be compared
        written = read_json(workspace.registration)
        return [f"registered: models:/{written['name']}/{written['version']}, as data/registration.json says"]
    except RefusedError as error:
        return [f"not registered here: {error}"]
    own = [alias for alias, number in aliases(tracker, project).items() if number == known.version]
    named = ", ".join([known.address, *(f"alias {one}" for one in own)])
    return [f"registered: {'; '.join(filter(None, [named, moved]))}", *filter(None, [known.tags.get(SAME_NUMBER)])]


def _compared(workspace: Workspace, project: str) -> str | None:
    """The page that compares the runs, or why there is none: results are shown without MLflow too."""
    try:
        return compared_runs(workspace, project)
    except TrackingError as error:
        return str(error)


def _ranking(workspace: Workspace, choice: Choice, metric: Metric) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        "candidate",
        f"validation {metric.title}",
        "interval",
        "trainable",
        "seconds",
        "samples/s",
    ):
        table.add_column(title, justify="left" if title == "candidate" else "right")
    for one in choice.ranking:
        measured = read_json(workspace.run(one.candidate).record)["measured"]
        mark = " *" if one.candidate == choice.chosen else ""
        table.add_row(
            one.candidate + mark,
            metric.say(one.value),
            f"{metric.say(one.low)} to {metric.say(one.high)}",
            f"{one.trainable_parameters:,}",
            f"{measured['seconds']:.0f}",
            f"{measured['samples_per_second']:.0f}",
        )
    return table
