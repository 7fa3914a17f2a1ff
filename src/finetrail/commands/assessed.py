"""What the assessments found, for people."""

from collections.abc import Mapping

from finetrail.assessment.kinds import KINDS
from finetrail.evaluation.scores.metric import Metric
from finetrail.workspace import Workspace, read_json


def findings(workspace: Workspace) -> dict[str, str]:
    """The finding of each assessment of the chosen candidate that was made, in a line, by its name."""
    return {name: KINDS[name].load().said(written) for name, written in _written(workspace).items()}


def of_each_candidate(workspace: Workspace, chosen: str, metric: Metric) -> dict[str, Mapping[str, str]]:
    """What assessments found of each candidate, in a few words by its name, by the title of the assessment's column."""
    found = {
        KINDS[name].column: KINDS[name].of_each(written, chosen, metric)
        for name, written in _written(workspace).items()
    }
    return {title: said for title, said in found.items() if said}


def _written(workspace: Workspace) -> dict[str, dict[str, object]]:
    files = {name: workspace.assessment(name) / f"{name}.json" for name in KINDS}
    return {name: read_json(file) for name, file in files.items() if file.exists()}
