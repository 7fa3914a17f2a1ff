"""What a workspace found: the candidates as a table, the test report as a page."""

import html
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from finetrail.evaluation.selection import Choice
from finetrail.notebook.places import workspace_at
from finetrail.workspace import need, read_json


@dataclass(frozen=True)
class Report:
    """The test report: notebooks show it as a page. Attributes: path: of the file."""

    path: Path

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"), quote=True)
        return f'<iframe sandbox srcdoc="{page}" style="width: 100%; height: 50rem; border: 0"></iframe>'


def results(*, folder: str | Path = ".") -> pd.DataFrame:
    """The candidates of the last choice, the best first: validation metric with its interval, size, seconds.

    Args:
        folder: the workspace.

    Raises:
        WorkspaceError: `select` has not run.
    """
    workspace = workspace_at(folder)
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    rows = [
        {
            "candidate": one.candidate,
            "chosen": one.candidate == choice.chosen,
            f"val_{choice.metric}": one.value,
            "low": one.low,
            "high": one.high,
            "trainable_parameters": one.trainable_parameters,
            **read_json(workspace.run(one.candidate).record)["measured"],
        }
        for one in choice.ranking
    ]
    return pd.DataFrame(rows).set_index("candidate")


def report(*, folder: str | Path = ".") -> Report:
    """The page of the test results.

    Args:
        folder: the workspace.

    Raises:
        WorkspaceError: `test` has not run.
    """
    return Report(need(workspace_at(folder).test_report / "report.html", "test"))
