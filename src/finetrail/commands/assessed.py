"""What the assessments found of the chosen candidate, each in a line."""

from finetrail.assessment.kinds import KINDS
from finetrail.workspace import Workspace, read_json


def findings(workspace: Workspace) -> dict[str, str]:
    """The finding of each assessment that was made, by its name."""
    written = {name: workspace.assessment(name) / f"{name}.json" for name in KINDS}
    return {name: KINDS[name].load().said(read_json(file)) for name, file in written.items() if file.exists()}
