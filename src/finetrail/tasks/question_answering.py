"""question-answering: the part of a context that answers a question, or that there is none."""

from finetrail.contents.text import TEXT
from finetrail.targets.spans import SPANS
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "question-answering",
        TEXT,
        SPANS,
        example="Ada Lovelace wrote to Charles Babbage in London.",
        features="pieces",
        pipeline_tag="question-answering",
        columns={"text": ("question", "context")},
    ),
)
