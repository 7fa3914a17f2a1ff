"""token-classification: which words of a text are what: named entities, chunks, parts of speech."""

from finetrail.contents.text import TEXT
from finetrail.targets.tags import TAGS
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "token-classification",
        TEXT,
        TAGS,
        example="Ada Lovelace wrote to Charles Babbage in London.",
        features="words",
        pipeline_tag="token-classification",
    ),
)
