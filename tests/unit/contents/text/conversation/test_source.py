"""Four formats of conversations, in every kind of table, become one form; what is none is refused in one line."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from finetrail.contents.text.conversation.source import ConversationColumns
from finetrail.contents.text.conversation.turns import said_by
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from tests.unit.sections_of import source_of

TASK = "text-generation"
SYSTEM, USER, ASSISTANT = ({"role": role} for role in ("system", "user", "assistant"))
ASKED = [SYSTEM | {"content": "Be brief."}, USER | {"content": "What is 6 times 7?"}]
ANSWER = "42"
WHOLE = [*ASKED, ASSISTANT | {"content": ANSWER}]
ROLES = {"system": "system", "user": "human", "assistant": "gpt"}
RECORDS: dict[str, dict[str, Any]] = {
    "messages": {"messages": WHOLE},
    "prompt": {"prompt": "What is 6 times 7?", "completion": "42", "system": "Be brief."},
    "alpaca": {"instruction": "What is 6 times 7?", "input": "", "output": "42", "system": "Be brief."},
    "sharegpt": {"conversations": [{"from": ROLES[turn["role"]], "value": turn["content"]} for turn in WHOLE]},
}


def write(path: Path, record: dict[str, Any]) -> None:
    if path.suffix == ".jsonl":
        path.write_text(json.dumps(record) + "\n")
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist([record]), path)
    else:
        cells = [cell if isinstance(cell, str) else json.dumps(cell) for cell in record.values()]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";" if path.name.startswith("semi") else ",").writerows([list(record), cells])


def read(root: Path, record: dict[str, Any], name: str = "a.jsonl", **columns: Any) -> tuple[list[Row], list[str]]:
    """The rows of a file with one record, and what was told of it."""
    write(root / name, record)
    told: list[str] = []
    return list(source_of(TASK, path=name, columns=columns).read(root, told.append)), told


@pytest.mark.parametrize("name", ["a.csv", "semi.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("form", RECORDS)
def test_every_format_in_every_table_gives_the_same_row(tmp_path: Path, form: str, name: str) -> None:
    rows, told = read(tmp_path, {"id": "x"} | RECORDS[form], name)
    assert rows == [Row(name, 1, ASKED, ANSWER)]
    assert told[0].startswith(f"{name}: conversations in format {form}, from {next(iter(RECORDS[form]))}")


def test_a_saved_data_set_is_read_in_the_format_that_its_columns_show(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    part = Dataset.from_list([RECORDS["sharegpt"] | {"id": 7}])
    DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "saved"))
    told: list[str] = []
    rows = list(source_of(TASK, path="saved").read(tmp_path, told.append))
    assert rows == [Row(f"saved/{name}", 1, ASKED, ANSWER, name) for name in ("train", "test")]
    assert told == [f"saved/{name}: conversations in format sharegpt, from conversations" for name in ("train", "test")]


def test_named_columns_decide_the_format_and_an_input_stands_behind_its_instruction(tmp_path: Path) -> None:
    record = RECORDS["messages"] | {"question": "Add.", "given": "1, 2", "reply": "3", "who": "a", "part": "dev"}
    columns = {"instruction": "question", "input": "given", "output": "reply", "group": "who", "split": "part"}
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        rows, _ = read(tmp_path, record, name, **columns)
        assert rows == [Row(name, 1, [USER | {"content": "Add.\n\n1, 2"}], "3", "val", "a")]
    assert read(tmp_path, record | RECORDS["prompt"], format="prompt")[0][0].content == ASKED


def test_prompts_and_completions_may_be_turns_and_contents_lists_of_parts(tmp_path: Path) -> None:
    first = [USER | {"content": [{"type": "text", "text": "Hello "}, {"type": "text", "text": "you"}]}]
    more = [ASSISTANT | {"content": "Yes?"}, USER | {"content": "Bye"}, ASSISTANT | {"content": "Bye"}]
    rows, _ = read(tmp_path, {"prompt": first, "completion": more})
    assert rows[0].content == [USER | {"content": "Hello you"}, *more[:2]]
    assert rows[0].label == "Bye"


@pytest.mark.parametrize(
    ("messages", "content"),
    [(ASKED, ASKED), ([], []), (None, None), (WHOLE[2:], []), ([*WHOLE, USER | {"content": "?"}], None)],
)
def test_without_an_answer_at_the_end_there_is_no_label(tmp_path: Path, messages: Any, content: Any) -> None:
    (row,), _ = read(tmp_path, {"messages": messages})
    assert row.content == (messages if content is None else content)
    assert row.label == (ANSWER if messages == WHOLE[2:] else None)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("[{'role': 'user', 'content': 'Hello'}]", "(str); a conversation is a list of turns, or its JSON text; write"),
        (3, "column 'messages' holds '3' (int); a conversation is a list of turns"),
        (["Hello"], "column 'messages', turn 1 is 'Hello'; it must have a role and a text as content; write it as {"),
        ([{"role": "user"}, {"content": "x"}], "turn 2 is \"{'content': 'x'}\"; it must have a role and a text as con"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "turn 1 is"),
        ([{"role": "user", "content": "\ud800"}], "column 'messages' holds '\\ud800'; it must be text that can be enc"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_row(tmp_path: Path, messages: Any, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, {"messages": messages})
    assert str(caught.value).startswith("a.jsonl, row 1: column 'messages'")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_written_as_the_messages_say_it_is_read(tmp_path: Path) -> None:
    remedy = '[{"role": "user", "content": "..."}]'
    for messages in (remedy, json.loads(remedy)):
        assert read(tmp_path, {"messages": messages})[0][0].content == [USER | {"content": "..."}]


def test_a_file_without_conversations_says_what_it_has_and_naming_its_columns_helps(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.jsonl: no column 'messages'; it has 'q', 'a'; set source\.columns"):
        read(tmp_path, {"q": "Hello", "a": "Bye"})
    assert read(tmp_path, {"q": "Hello", "a": "Bye"}, prompt="q", completion="a")[0][0].label == "Bye"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"prompt": "q", "output": "a"}, "prompt means format prompt, and output format alpaca; a source has one fo"),
        ({"format": "sharegpt", "messages": "m"}, "format means format sharegpt, and messages format messages; a so"),
        ({"split": "messages"}, "column 'messages' is given as content and as split; name another column"),
        ({"format": "chatml"}, "'messages', 'prompt', 'alpaca' or 'sharegpt'"),
        ({"label": "a"}, "unknown key 'label'"),
    ],
)
def test_columns_of_two_formats_are_refused(columns: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ConversationColumns(**columns)  # type: ignore[arg-type]


@given(st.text() | st.lists(st.fixed_dictionaries({"role": st.text(), "content": st.text()})).map(json.dumps))
def test_a_text_of_the_user_stays_as_it_is_even_if_it_is_the_json_of_turns(text: str) -> None:
    assert said_by("user", "here", text) == [{"role": "user", "content": text}]
