"""text-generation: the next turn of an assistant in a conversation."""

from finetrail.contents.text.conversation import CONVERSATIONS
from finetrail.targets.sequences import COMPLETIONS
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "text-generation",
        CONVERSATIONS,
        COMPLETIONS,
        example=[{"role": "user", "content": "How many legs do two spiders have?"}],
        features="chat",
        pipeline_tag="text-generation",
    ),
)
