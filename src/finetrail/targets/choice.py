"""How section `task` of params.yaml names the targets of a task that has several."""

from typing import Annotated

from pydantic import StringConstraints

from finetrail.settings import Settings

# These names become keys of sections, columns of answers, and parts of the names of metrics.
TargetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=32)]


class TargetChoice(Settings):
    """One of several targets.

    Attributes:
        problem_type: Hugging Face's word for its kind of problem; null: the first that a target of the task may be of.
    """

    problem_type: str | None = None
