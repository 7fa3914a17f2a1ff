"""Preference pairs in every form that data sets have become one: the turns in front, and both answers."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.contents.text.conversation.compared import ComparedColumns
from finetrail.contents.text.conversation.received import unlabelled_conversations
from finetrail.data.store.raw import Row, Unreadable
from finetrail.errors import SourceError
from finetrail.sections import sections
from finetrail.tasks.registry import get_task
from tests.unit.sections_of import source_of

TASK = get_task("text-generation", "preference")
SYSTEM, USER, ASSISTANT = ({"role": role} for role in ("system", "user", "assistant"))
ASKED = [USER | {"content": "What is 6 times 7?"}]
PAIR = {"chosen": "42", "rejected": "41"}
ANSWERS = {side: [ASSISTANT | {"content": text}] for side, text in PAIR.items()}
WHOLE = {side: [*ASKED, *answer] for side, answer in ANSWERS.items()}
RECORDS: dict[str, dict[str, Any]] = {
    "texts": {"prompt": "What is 6 times 7?", **PAIR},
    "turns": {"prompt": ASKED, **ANSWERS},
    "texts behind turns": {"messages": ASKED, **PAIR},
    "whole conversations": WHOLE,
    "as UltraFeedback": {"prompt": "What is 6 times 7?", "messages": WHOLE["chosen"], "score_chosen": 9.0, **WHOLE},
    "as HH-RLHF": {side: f"\n\nHuman: What is 6 times 7?\n\nAssistant: {text}" for side, text in PAIR.items()},
}


def read(root: Path, *records: dict[str, Any], name: str = "a.jsonl", **columns: Any) -> tuple[list[Row], list[str]]:
    """The rows of a file, and what was told of it."""
    path = root / name
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, records[0])
            writer.writeheader()
            writer.writerows(records)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    told: list[str] = []
    source: Any = sections(TASK).model_fields["source"].annotation
    return list(source.model_validate({"path": name, "columns": columns}).read(root, told.append)), told


@pytest.mark.parametrize("form", RECORDS)
def test_every_form_gives_the_same_row(tmp_path: Path, form: str) -> None:
    rows, told = read(tmp_path, RECORDS[form])
    assert rows == [Row("a.jsonl", 1, ASKED, PAIR)]
    assert told[0].startswith("a.jsonl: preference pairs from ")


def test_a_table_of_texts_may_have_a_system_turn_and_other_names(tmp_path: Path) -> None:
    record = {"question": "What is 6 times 7?", "good": "42", "bad": "41", "system": "Be brief."}
    rows, told = read(tmp_path, record, name="a.csv", prompt="question", chosen="good", rejected="bad")
    assert rows == [Row("a.csv", 1, [SYSTEM | {"content": "Be brief."}, *ASKED], PAIR)]
    assert told[0] == "a.csv: preference pairs from question and system and good and bad"


def test_several_turns_stand_in_front_of_both_answers(tmp_path: Path) -> None:
    said = "\n\nHuman: Hi\n\nAssistant: Hello\n\nand welcome\n\nHuman: What is 6 times 7?\n\nAssistant: "
    (row,), _ = read(tmp_path, {side: said + text for side, text in PAIR.items()})
    assert row.content == [USER | {"content": "Hi"}, ASSISTANT | {"content": "Hello\n\nand welcome"}, *ASKED]
    assert row.label == PAIR


BAD: dict[str, tuple[dict[str, Any], Any]] = {
    "other turns": (
        {"chosen": WHOLE["chosen"], "rejected": [USER | {"content": "And 7?"}, *ANSWERS["rejected"]]},
        Unreadable("they differ in turn 1"),
    ),
    "more turns": (
        {"chosen": WHOLE["chosen"], "rejected": [*WHOLE["rejected"], *ASKED, *ANSWERS["rejected"]]},
        Unreadable("they differ in turn 2"),
    ),
    "one side": ({"prompt": "What is 6 times 7?", "chosen": "42", "rejected": None}, Unreadable("no rejected answer")),
    "no answer at the end": ({"chosen": ASKED, "rejected": WHOLE["rejected"]}, Unreadable("no chosen answer")),
    "no side": ({"prompt": "What is 6 times 7?", "chosen": None, "rejected": None}, None),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_is_no_pair_is_kept_for_the_rules(tmp_path: Path, fault: str) -> None:
    record, label = BAD[fault]
    rows, _ = read(tmp_path, record, RECORDS["texts"] | {"chosen": "42", "rejected": "41"})
    assert (rows[0].content, rows[0].label) == (ASKED, label)
    assert type(rows[0].label) is type(label)


def test_white_space_does_not_make_prompts_different(tmp_path: Path) -> None:
    spaced = [USER | {"content": "What is  6 times 7? "}, *ANSWERS["rejected"]]
    (row,), _ = read(tmp_path, {"chosen": WHOLE["chosen"], "rejected": spaced})
    assert (row.content, row.label) == (ASKED, PAIR)


def test_a_row_without_a_prompt_is_kept_too(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, RECORDS["texts"], {"prompt": None, **PAIR})
    assert rows[1] == Row("a.jsonl", 2, None, PAIR)


def test_answers_to_nothing_are_refused_and_the_remedy_works(tmp_path: Path) -> None:
    record = {"question": "What is 6 times 7?", **PAIR}
    with pytest.raises(SourceError, match="column 'chosen' holds the answer '42', and no column says what it answers"):
        read(tmp_path, record)
    assert read(tmp_path, record, prompt="question")[0] == [Row("a.jsonl", 1, ASKED, PAIR)]


def test_single_answers_are_refused_and_both_remedies_work(tmp_path: Path) -> None:
    record = {"prompt": "What is 6 times 7?", "chosen": "42", "worse": "41"}
    with pytest.raises(SourceError, match=r"a\.jsonl has no column 'rejected', and preference pairs need two answers"):
        read(tmp_path, record)
    assert read(tmp_path, record, rejected="worse")[0] == [Row("a.jsonl", 1, ASKED, PAIR)]
    columns = {"completion": "chosen"}
    assert list(source_of("text-generation", path="a.jsonl", columns=columns).read(tmp_path)) == [
        Row("a.jsonl", 1, ASKED, "42")
    ]


@pytest.mark.parametrize(
    ("form", "columns"), [("texts", {"completion": "chosen"}), ("whole conversations", {"messages": "chosen"})]
)
def test_pairs_without_a_preference_are_refused_and_the_remedies_work(
    tmp_path: Path, form: str, columns: dict[str, str]
) -> None:
    assert len(read(tmp_path, RECORDS[form])[0]) == 1, "problem_type preference"
    with pytest.raises(SourceError, match=r"a\.jsonl has answers that people compared.*problem_type: preference"):
        list(source_of("text-generation", path="a.jsonl").read(tmp_path))
    assert list(source_of("text-generation", path="a.jsonl", columns=columns).read(tmp_path)) == [
        Row("a.jsonl", 1, ASKED, "42")
    ]


def test_whole_conversations_beside_pairs_are_learnt_alone_and_it_says_so(tmp_path: Path) -> None:
    read(tmp_path, RECORDS["as UltraFeedback"])
    told: list[str] = []
    rows = list(source_of("text-generation", path="a.jsonl").read(tmp_path, told.append))
    assert rows == [Row("a.jsonl", 1, ASKED, "42")]
    assert told[0].endswith("; problem_type preference learns from chosen and rejected too")


def test_half_a_character_in_a_prompt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it must be text that can be encoded as UTF-8"):
        read(tmp_path, RECORDS["texts"] | {"prompt": "What is \ud83d?"})


def test_prompts_and_messages_are_not_both_named() -> None:
    with pytest.raises(ValidationError, match="prompt and messages both say what is answered; remove one of the two"):
        ComparedColumns(prompt="a", messages="b")
    assert ComparedColumns(messages="b").asked(lambda names: False) == ["b"]


@pytest.mark.parametrize("form", RECORDS)
def test_a_file_to_score_may_have_its_answers_still(tmp_path: Path, form: str) -> None:
    read(tmp_path, RECORDS[form])
    source: Any = sections(TASK).model_fields["source"].annotation
    (row,) = unlabelled_conversations(tmp_path / "a.jsonl", ["messages"], source(path="a.jsonl").columns)
    assert (row.content, row.problem) == (ASKED, "")
