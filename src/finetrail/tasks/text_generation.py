"""text-generation: the next turn of an assistant in a conversation, from answers or from pairs of them."""

from finetrail.contents.text.conversation import COMPARED, CONVERSATIONS
from finetrail.targets.preferences import PREFERENCES
from finetrail.targets.sequences import COMPLETIONS
from finetrail.tasks.task import Task

TASKS = tuple(
    Task(
        "text-generation",
        content,
        target,
        example=[{"role": "user", "content": "How many legs do two spiders have?"}],
        features="chat",
        pipeline_tag="text-generation",
    )
    for content, target in ((CONVERSATIONS, COMPLETIONS), (COMPARED, PREFERENCES))
)
