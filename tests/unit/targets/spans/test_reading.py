"""Answers in every form in which sources have them."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.errors import SourceError
from finetrail.sections import sections
from finetrail.targets.spans import SPANS
from finetrail.targets.spans.reading import joined_starts, read_answers
from finetrail.targets.spans.settings import AnswerSlice
from finetrail.targets.spans.squad import GIVEN, read_squad
from finetrail.tasks.registry import get_task

HUB = {"text": ["308", "308 points"], "answer_start": [34, 34]}
FILE = [{"text": "308", "answer_start": 34}, {"text": "308 points", "answer_start": 34}]
STORED = [{"text": "308", "start": 34}, {"text": "308 points", "start": 34}]


@pytest.mark.parametrize(
    "value",
    [
        HUB,
        FILE,
        STORED,
        json.dumps(HUB),
        json.dumps(FILE),
        {"text": ("308", "308 points", "308"), "answer_start": (34, 34, 34)},
        {"text": ["308", "308 points"], "answer_start": ["34", "34"]},
    ],
)
def test_every_form_is_stored_as_one(value: Any) -> None:
    assert read_answers("here", value) == STORED


def test_no_answer_is_an_answer_and_a_missing_one_is_not() -> None:
    assert read_answers("here", {"text": [], "answer_start": []}) == []
    assert read_answers("here", []) == read_answers("here", "[]") == []
    assert read_answers("here", None) is None
    assert read_answers("here", " ") is None
    assert joined_starts("here", "", None) is None


@pytest.mark.parametrize(
    ("texts", "starts", "stored"),
    [
        ("308", "34", [{"text": "308", "start": 34}]),
        ("308", 34, [{"text": "308", "start": 34}]),
        ('["308", "308 points"]', "[34, 34]", STORED),
        (["308", "308 points"], [34, 34], STORED),
        ("[]", "[]", []),
        ("308", "-1", [{"text": "308", "start": -1}]),
    ],
)
def test_texts_and_starts_may_be_in_two_columns(texts: Any, starts: Any, stored: Any) -> None:
    assert read_answers("here", joined_starts("here", texts, starts)) == stored


@pytest.mark.parametrize(
    "value",
    [
        "308",
        3,
        ["308"],
        {"text": ["308"], "answer_start": []},
        {"text": ["308"]},
        {"text": [3], "answer_start": [34]},
        {"text": ["308"], "answer_start": [34.5]},
        {"text": ["308"], "answer_start": [True]},
        {"text": ["308"], "answer_start": [2**31]},
        [{"text": "308"}],
    ],
)
def test_what_is_no_answer_is_refused_with_a_remedy_that_works(value: Any) -> None:
    with pytest.raises(SourceError, match=r"here: answers are .* write") as refused:
        read_answers("here", value)
    remedy = str(refused.value).split("write ")[1].split(", with empty lists")[0]
    assert read_answers("here", json.loads(remedy)) == [{"text": "308", "start": 34}]


def test_a_halved_character_is_refused() -> None:
    with pytest.raises(SourceError, match=r"here: answer '\\ud83d' cannot be encoded as UTF-8; correct the escapes"):
        read_answers("here", [{"text": "\ud83d", "start": 0}])


def test_equal_answers_share_a_key_in_any_order() -> None:
    assert SPANS.key(STORED) == SPANS.key(STORED[::-1]) != SPANS.key(STORED[:1])
    for label in (STORED, []):
        assert SPANS.from_cell("here", SPANS.key(label), None) == label, "as data/corrections.csv has it"


def paragraph(context: str, *asked: dict[str, Any]) -> dict[str, Any]:
    return {"context": context, "qas": list(asked)}


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Broncos",
            "paragraphs": [
                paragraph(
                    "They won.",
                    {"question": "Who?", "id": "1", "answers": [{"text": "They", "answer_start": 0}]},
                    {"question": "Why?", "id": "2", "answers": [], "is_impossible": True},
                )
            ],
        },
        {"title": "Rest", "paragraphs": [paragraph("Rest.", {"question": "What?", "id": "3"})]},
    ],
}


def columns(**named: Any) -> Any:
    """Section `source.columns` of the task."""
    source: Any = sections(get_task("question-answering")).model_fields["source"].annotation
    return source.model_validate({"path": "data/input/x.json", "columns": named}).columns


def test_squad_s_file_has_a_record_for_each_question(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(SQUAD), encoding="utf-8")
    found = dict(read_squad(tmp_path / "a.json", columns(text=["q", "c"])))
    assert list(found) == [1, 2, 3]
    assert [(one["q"], one["c"], one["title"]) for one in found.values()] == [
        ("Who?", "They won.", "Broncos"),
        ("Why?", "They won.", "Broncos"),
        ("What?", "Rest.", "Rest"),
    ]
    assert [one[GIVEN] for one in found.values()] == [[{"text": "They", "answer_start": 0}], [], None]
    (tmp_path / "b.json").write_text(json.dumps(SQUAD["data"]), encoding="utf-8")
    assert dict(read_squad(tmp_path / "b.json", columns(text=["q", "c"]))) == found


def test_any_other_json_is_read_row_by_row(tmp_path: Path) -> None:
    rows = [{"question": "Who?", "context": "They won.", "answers": HUB}] * 2
    for name, text in (("a.json", json.dumps(rows)), ("b.json", "\n".join(map(json.dumps, rows)))):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert [record for _, record in read_squad(tmp_path / name, columns())] == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"title": "x"}], "behind question 0: 'paragraphs' is 'None'"),
        ([{"paragraphs": [{"context": 3, "qas": []}]}], "behind question 0: 'context' is '3'"),
        ([{"paragraphs": [paragraph("c", {"question": None})]}], "question 1: 'question' is 'None'"),
        ([3], "behind question 0: 'paragraphs' is 'None'"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, data: Any, message: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"data": data}), encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        list(read_squad(tmp_path / "a.json", columns()))


def test_two_texts_are_needed_and_contexts_are_groups() -> None:
    with pytest.raises(ValidationError, match=r"text names 3 of the 2 columns that are needed.*\[question, context\]"):
        columns(text=["a", "b", "c"])
    own = columns()
    assert own.contents == ("question", "context")
    same, other = ({"question": "q", "context": text} for text in ("They  won.", "Rest."))
    assert own.group_of(same) == own.group_of(same | {"context": "They won. "}) != own.group_of(other)
    assert own.group_of({"question": "q", "context": None}) is None
    assert columns(group="title").group_of(same | {"title": "Broncos"}) == "Broncos"


def test_a_slice_is_of_questions_with_or_without_an_answer() -> None:
    assert list(AnswerSlice.names([])) == ["unanswerable"]
    assert list(AnswerSlice.names(STORED)) == ["answerable"]
    with pytest.raises(ValidationError, match="label is 'none'; use 'answerable' or 'unanswerable'"):
        AnswerSlice(label=["none"])
