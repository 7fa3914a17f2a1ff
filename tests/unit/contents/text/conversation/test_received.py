"""Conversations to answer: from tables and from callers, in one form; what cannot be answered is named."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetrail.contents.text.conversation import CONVERSATIONS
from finetrail.data.sources.dialect import AUTO
from finetrail.data.sources.headers import has_columns
from finetrail.data.sources.kept import kept_columns
from finetrail.data.sources.unlabelled import PLAIN, Unlabelled
from finetrail.errors import DataError, SourceError
from tests.unit.contents.text.conversation.test_source import ANSWER, ASKED, RECORDS, USER, WHOLE, write
from tests.unit.sections_of import source_of

HELLO = [USER | {"content": "Hello"}]


def receive(*rows: dict[str, Any]) -> list[Any]:
    return CONVERSATIONS.receive(rows, read_paths=False)


def unlabelled(path: Path, column: str = "messages", *, labelled: bool = True, **columns: Any) -> list[Unlabelled]:
    source = source_of("text-generation", path="x.jsonl", columns=columns) if labelled else None
    return list(CONVERSATIONS.unlabelled(path, [column], source, PLAIN))


def test_a_caller_sends_turns_or_a_prompt() -> None:
    prompt = {"prompt": ASKED[1]["content"], "system": ASKED[0]["content"]}
    array = np.array(ASKED, dtype=object)
    missing = {"messages": float("nan"), "prompt": "Hello", "system": None}
    sent: list[dict[str, Any]] = [{"messages": ASKED}, {"messages": json.dumps(ASKED)}, {"messages": array}, prompt]
    assert receive(*sent) == [ASKED] * 4
    assert receive(missing, {"prompt": "Hello"}) == [HELLO] * 2
    forged = json.dumps(ASKED)
    assert receive({"prompt": forged}) == [[USER | {"content": forged}]], "a text of the user must not be the system's"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"messages": WHOLE}, "the last turn is the assistant's, not the user's"),
        ({"messages": []}, "no conversation"),
        ({"messages": None, "prompt": " "}, "no conversation"),
        ({"messages": [USER | {"content": ""}]}, "turn 1 is empty"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "turn 1 has role 'bot', which is none of system, user, assi"),
        ({"messages": [{"role": "user"}, 3]}, "messages, turn 2 is '3'; it must have a role and a text as content"),
        ({"messages": "Hello"}, "messages holds 'Hello' (str); a conversation is a list of turns, or its JSON text"),
        ({"messages": [{"role": "x" * 99, "content": "x"}]}, f"turn 1 has role '{'x' * 20}', which is none"),
        ({"messages": 3}, "messages holds '3' (int); a conversation is a list of turns"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_row(row: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        receive({"prompt": "Hello"}, row, {"messages": []})
    message = str(caught.value)
    assert message.startswith("row 2 of 3: ")
    assert said in message
    assert message.endswith("(and 1 more bad rows); send messages that end with a user's turn, or a prompt")


def test_faults_are_those_that_a_caller_is_told() -> None:
    assert CONVERSATIONS.faults([ASKED, [], WHOLE]) == {
        1: "no conversation",
        2: "the last turn is the assistant's, not the user's",
    }


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("form", RECORDS)
def test_a_table_with_answers_is_read_up_to_them_and_one_without_too(tmp_path: Path, form: str, name: str) -> None:
    asked = {key: value for key, value in RECORDS[form].items() if key not in ("completion", "output")}
    for record in (RECORDS[form], asked):
        write(tmp_path / name, record)
        (row,) = unlabelled(tmp_path / name)
        assert (row.content, row.problem) == (ASKED, "")
        assert json.loads(row.given["messages"]) == ASKED


def test_what_predict_writes_of_a_conversation_it_reads_again(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", RECORDS["alpaca"])
    (row,) = unlabelled(tmp_path / "a.jsonl")
    write(tmp_path / "scored.csv", {**row.given, "text": ANSWER})
    assert unlabelled(tmp_path / "scored.csv")[0].content == row.content


def test_a_column_that_is_named_holds_turns_or_texts(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", {"q": "Hello", "messages": WHOLE})
    (row,) = unlabelled(tmp_path / "a.jsonl", "q", labelled=False)
    assert row.content == HELLO
    assert unlabelled(tmp_path / "a.jsonl", "messages", labelled=False)[0].content == ASKED
    assert unlabelled(tmp_path / "a.jsonl", prompt="q", completion="a")[0].content == HELLO
    with pytest.raises(SourceError, match="no column 'z'"):
        unlabelled(tmp_path / "a.jsonl", "z", labelled=False)


def test_a_damaged_row_comes_with_its_problem_and_the_others_are_read(tmp_path: Path) -> None:
    lines = [json.dumps({"messages": ASKED}), "{", json.dumps({"messages": [3]}), json.dumps({"messages": WHOLE[2:]})]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    problems = [row.problem for row in unlabelled(tmp_path / "a.jsonl")]
    assert problems[0] == ""
    assert problems[1].startswith("not JSON")
    assert problems[2].startswith("column 'messages', turn 1 is '3'; it must have")
    assert problems[3] == "no conversation"


def test_the_format_with_answers_is_the_one_that_is_answered(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        write(tmp_path / name, {"prompt": "another column"} | RECORDS["sharegpt"])
        (row,) = source_of("text-generation", path=name).read(tmp_path)
        assert row.content == unlabelled(tmp_path / name)[0].content == ASKED


def test_all_columns_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question;note;completion\nHello;a, b;\n")
    columns = source_of("text-generation", path="x.csv", columns={"prompt": "question"}).columns
    held = columns.asked(partial(has_columns, tmp_path / "a.csv", "csv", AUTO))
    assert held == ["question"]
    assert list(kept_columns(tmp_path / "a.csv", None, held, AUTO)) == ["question", "note", "completion"]
