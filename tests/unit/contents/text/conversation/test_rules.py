"""The rules about conversations, on the manifest of a few; repetitions, near duplicates, slices, and what is shown."""

from pathlib import Path
from typing import Any

import pytest

from finetrail.contents.text.conversation import CONVERSATIONS
from finetrail.contents.text.conversation.slices import ConversationSlice
from finetrail.contents.text.conversation.stored import StoredConversations
from finetrail.contents.text.stored import in_a_line
from finetrail.data.store.raw import Row, keyed, read_manifest, write_rows
from finetrail.data.store.shards import Contents
from finetrail.data.validation.expectations import inspect
from finetrail.data.validation.findings import Finding
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.sequences import COMPLETIONS
from tests.unit.contents.text.manifests import listed
from tests.unit.sections_of import rules_of, split_of

TASK = "text-generation"
Turns = list[dict[str, str]]


def turns(*said: str) -> Turns:
    """Turns out of `user: a text`."""
    return [dict(zip(("role", "content"), one.split(": ", 1), strict=True)) for one in said]


FINE = turns("user: What is 6 times 7?")


def found(folder: Path, rows: list[tuple[Turns | None, str | None]], **rules: Any) -> dict[str, Finding]:
    """The findings, by rule."""
    made = [Row("a.jsonl", number, content, label) for number, (content, label) in enumerate(rows, start=1)]
    write_rows(made, folder, StoredConversations(), COMPLETIONS)
    manifest = keyed(read_manifest(folder), COMPLETIONS.key)
    return {one.rule.name: one for one in inspect(manifest, rules_of(TASK, **rules)).findings if not one.success}


BAD: dict[str, tuple[Turns | None, str | None, str]] = {
    "missing_messages": (None, "42", "1 row without a conversation: put aside"),
    "missing_label": (
        turns("user: Hello"),
        None,
        "1 row without an assistant's turn at the end, so that there is nothing to learn: put aside",
    ),
    "no_user_turn": ([], "42", "1 row without a user's turn in front of the answer (no turn): put aside"),
    "empty_turn": (
        turns("user: Hi", "assistant: \u200b", "user: Well?"),
        "42",
        "1 row with a turn that is empty, or only white space or invisible characters (turn 2, assistant): put aside",
    ),
    "unknown_role": (
        turns("user: Hi", "tool: x", "user: Well?"),
        "42",
        "1 row with a turn of someone else than the system, the user or the assistant (turn 2, 'tool'): put aside",
    ),
    "late_system_turn": (
        turns("user: Hi", "system: Be brief.", "user: Well?"),
        "42",
        "1 row with a system turn behind the first turn (turn 2): put aside",
    ),
    "repeated_role": (
        turns("user: Hi", "assistant: Hi"),
        "42",
        "1 row with two turns in a row of one role (turns 2 and 3, assistant): put aside",
    ),
    "length": (
        turns("user: " + "x" * 40, "assistant: y", "user: " + "z" * 40),
        "42",
        "1 row with fewer than 1 or more than 80 characters: put aside",
    ),
    "copied_source": (turns("user: say: yes"), "say: yes", "1 row whose target is the same text as its source: put"),
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", BAD)
def test_each_rule_finds_its_row_and_says_where(tmp_path: Path, rule: str) -> None:
    content, label, said = BAD[rule]
    rows = [(FINE, "42"), (content, label), (turns("system: Be brief.", "user: Hello there"), "Hello")]
    findings = found(tmp_path, rows, length={"max_characters": 80})
    assert list(findings) == [rule]
    assert findings[rule].message.startswith(said)
    ids = read_manifest(tmp_path)["id"].tolist()
    assert findings[rule].ids == (ids[1],)


def test_a_rule_that_is_off_lets_its_rows_pass_and_one_that_is_needed_cannot_be(tmp_path: Path) -> None:
    rows: list[tuple[Turns | None, str | None]] = [(FINE, "42"), (BAD["repeated_role"][0], "x")]
    assert found(tmp_path, rows, repeated_role={"policy": "off"}) == {}
    with pytest.raises(ValueError, match="'fail' or 'quarantine'"):
        rules_of(TASK, no_user_turn={"policy": "off"})


def test_another_answer_is_counted_and_the_same_one_put_aside(tmp_path: Path) -> None:
    again = turns("user: What  is 6 times 7?\u200b")
    as_system = turns("system: What is 6 times 7?", "user: Well?")
    as_assistant = turns("assistant: What is 6 times 7?", "user: Well?")
    rows = [(FINE, "42"), (again, "42"), (FINE, "It is 42."), (as_system, "42"), (as_assistant, "42")]
    findings = found(tmp_path, [*rows])
    assert {name: (one.rule.policy, one.unexpected) for name, one in findings.items()} == {
        "conflicting_label": ("warn", 3),
        "duplicate": ("quarantine", 1),
        "repeated_target": ("warn", 2),
    }


def test_a_conversation_is_stored_and_read_back_as_it_was(tmp_path: Path) -> None:
    rows: list[tuple[Turns | None, str | None]] = [(FINE, "42"), (None, "x"), ([], "y")]
    found(tmp_path, rows)
    assert list(Contents(tmp_path, CONVERSATIONS.name)) == [content for content, _ in rows]
    manifest = read_manifest(tmp_path)
    assert listed(manifest["characters"]) == [18, None, 0]
    assert listed(manifest["turns"]) == [1, None, 0]


def test_conversations_are_near_by_all_that_stands_in_front_of_the_answer(tmp_path: Path) -> None:
    long = "user: the shuttle reached orbit after a flawless launch in the early morning of a cold day in may"
    contents = [turns("system: Be brief.", long), turns("system: Be brief.", long.replace("cold", "warm")), FINE]
    found(tmp_path, [(content, "x") for content in contents])
    split = split_of(TASK, method="stratified", near_duplicates=0.6)
    manifest = read_manifest(tmp_path)
    near = split.neighbours(manifest, split.keys(manifest, contents)).clusters()
    assert near[0] == near[1] != near[2]
    excerpt = split.excerpts(tmp_path, [manifest["id"][2]])
    assert list(excerpt.values()) == ["user: What is 6 times 7?"]


def test_a_slice_goes_by_turns_characters_and_script() -> None:
    contents = [FINE, turns("user: Привет", "assistant: Да?", "user: Пока")]
    rows = SplitRows(["a", "b"], [None, None], lambda: contents)
    assert ConversationSlice(min_turns=2).rows(rows).tolist() == [False, True]
    assert ConversationSlice(max_characters=14).rows(rows).tolist() == [False, True]
    assert ConversationSlice(script=["latin"]).rows(rows).tolist() == [True, False]


def test_only_what_the_user_says_is_perturbed() -> None:
    content = turns("system: Answer kindly.", "user: what is it", "assistant: A stone.", "user: and that thing there")
    changed = CONVERSATIONS.perturb("case", content, 5, 1)
    assert [one["content"] != other["content"] for one, other in zip(content, changed, strict=True)] == [0, 1, 0, 1]
    assert CONVERSATIONS.perturb("case", content, 0, 1) == content


def test_people_see_who_speaks_in_one_line() -> None:
    assert in_a_line(turns("system: Be\nbrief.", "user: Hello"), 200) == "system: Be brief. | user: Hello"
