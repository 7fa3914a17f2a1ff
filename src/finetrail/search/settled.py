"""The settings that a search has found: the candidate as it was trained in the end."""

from finetrail.errors import WorkspaceError
from finetrail.runs.study import read_study
from finetrail.search.candidate import Searched
from finetrail.workspace import Workspace, need


def settled(workspace: Workspace, name: str, candidate: Searched) -> Searched:
    """A candidate with nothing open: itself or, where it searches, as the chosen trial trained it.

    Raises:
        WorkspaceError: its search has not ended, or has searched another space.
    """
    if candidate.search is None:
        return candidate
    study = read_study(need(workspace.run(name).study_record, "train"))
    if study is None or study.chosen is None or not candidate.space.holds(study.trial(study.chosen).parameters):
        raise WorkspaceError(
            f"data/runs/{name}/study is of another search than that of params.yaml; run `dvc repro` or "
            f"`finetrail train {name}`"
        )
    return candidate.at(study.trial(study.chosen).parameters)
