"""summarization: a shorter text with what matters in a text."""

from finetrail.contents.text import TEXT
from finetrail.targets.sequences import SUMMARIES
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "summarization",
        TEXT,
        SUMMARIES,
        example="The shuttle reached orbit after a flawless launch. The crew will stay for two weeks.",
        features="written",
        pipeline_tag="summarization",
    ),
)
