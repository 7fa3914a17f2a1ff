"""translation: a text in another language."""

from finetrail.contents.text import TEXT
from finetrail.targets.sequences import TRANSLATIONS
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "translation",
        TEXT,
        TRANSLATIONS,
        example="The shuttle reached orbit.",
        features="written",
        pipeline_tag="translation",
    ),
)
