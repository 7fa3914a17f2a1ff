"""text-regression: a number for a text, such as a price or a rating."""

from finetrail.contents.text import TEXT
from finetrail.targets.numbers import NUMBERS
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "text-regression",
        TEXT,
        NUMBERS,
        example="a quiet room near the station, small but spotless",
        pipeline_tag="text-classification",  # Hugging Face has no task of its own for numbers
    ),
)
