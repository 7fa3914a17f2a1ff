"""The chat template of a model: how a conversation is written for it, and which parts the assistant wrote."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.errors import ModelError

PLAIN = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
"""The template of models that have none."""
_MARK = "\u2402answer\u2402"
Message = Mapping[str, str]
Piece = tuple[str, bool]
"""A part of a conversation as it is written, and whether the assistant wrote it."""


class Template:
    """The template that a tokenizer has, and the text that it puts behind an answer.

    Raises:
        ModelError: it does not write an answer as it stands, behind what is written to ask for it.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        asked: list[Message] = [{"role": "user", "content": "?"}]
        whole = self._render([*asked, {"role": "assistant", "content": _MARK}])
        before, mark, self.behind = whole.partition(_MARK)
        if not mark or before != self._render(asked, ask=True):
            raise ModelError(
                "the chat template writes an answer in another place than it asks for it; set backbone.chat_template, "
                "or name another backbone"
            )

    def pieces(self, messages: Sequence[Message]) -> list[Piece]:
        """A conversation up to the answer that is asked for."""
        found: list[Piece] = []
        done = ""
        for place, message in enumerate(messages):
            if message["role"] == "assistant":
                asked = self._render(messages[:place], ask=True)
                whole = self._render(messages[: place + 1])
                # Some templates leave out what an assistant thought in earlier turns: those are read, and not learnt.
                if asked.startswith(done) and whole.startswith(asked):
                    found += [(asked[len(done) :], False), (whole[len(asked) :], True)]
                    done = whole
        last = self._render(messages, ask=True)
        return [*found, (last[len(done) :], False)] if last.startswith(done) else [(last, False)]

    def _render(self, messages: Sequence[Message], *, ask: bool = False) -> str:
        try:
            found: str = self._tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=ask
            )
        except Exception as error:  # Jinja's, and what a template raises by itself
            roles = ", ".join(message["role"] for message in messages)
            raise ModelError(
                f"the chat template refuses a conversation of {roles} ({' '.join(str(error).split())[:150]}); set "
                "backbone.chat_template, or name another backbone"
            ) from error
        return found
