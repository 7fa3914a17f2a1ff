"""The rules about preference pairs, on the manifest of a few; and how pairs are written, compared and divided."""

from pathlib import Path
from typing import Any

import pytest

from finetrail.contents.text.conversation.stored import StoredConversations
from finetrail.data.store.raw import Row, Unreadable, keyed, read_manifest, write_rows
from finetrail.data.validation.expectations import inspect
from finetrail.data.validation.findings import Finding
from finetrail.errors import SourceError, SplitError, TrainingError
from finetrail.sections import sections
from finetrail.targets.preferences import PREFERENCES
from tests.unit.targets.preferences.works import TASK, training

ASKED = [{"role": "user", "content": "What is 6 times 7?"}]
FINE = {"chosen": "42, of course", "rejected": "41"}


def found(folder: Path, labels: list[Any], **rules: Any) -> dict[str, Finding]:
    """The findings, by rule."""
    made = [
        Row("a.jsonl", number, [ASKED[0] | {"content": f"What is {number} times 7?"}], label)
        for number, label in enumerate(labels, start=1)
    ]
    write_rows(made, folder, StoredConversations(), PREFERENCES)
    manifest = keyed(read_manifest(folder), PREFERENCES.key)
    section: Any = sections(TASK).model_fields["validation"].annotation
    return {one.rule.name: one for one in inspect(manifest, section(**rules)).findings if not one.success}


BAD: dict[str, tuple[Any, str]] = {
    "missing_label": (None, "1 row without a chosen and a rejected answer: put aside"),
    "missing_side": (
        Unreadable("no rejected answer"),
        "1 row with one answer alone (no rejected answer): put aside",
    ),
    "different_prompts": (
        Unreadable("they differ in turn 2"),
        "1 row whose two answers belong to different turns (they differ in turn 2): put aside",
    ),
    "same_answers": (
        {"chosen": "forty two", "rejected": " forty  two"},
        "1 row whose chosen and rejected answers are the same text: put aside",
    ),
    "empty_target": (
        {"chosen": "\u200b", "rejected": "41"},
        "1 row whose target is empty or only white space or invisible characters: put aside",
    ),
    "empty_rejected": (
        {"chosen": "42", "rejected": " "},
        "1 row whose rejected answer is empty or only white space or invisible characters: put aside",
    ),
    "target_length": ({"chosen": "4" * 2_000, "rejected": "41"}, "1 row whose target has fewer than 1 or more"),
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", BAD)
def test_a_bad_pair_is_found_by_its_rule_alone(tmp_path: Path, rule: str) -> None:
    label, message = BAD[rule]
    good = [FINE, {"chosen": "a", "rejected": "b"}, {"chosen": "a", "rejected": "c"}]
    findings = found(tmp_path, [*good, label], target_length={"max_characters": 1_000})
    assert set(findings) == {rule}
    assert findings[rule].message.startswith(message)
    assert len(findings[rule].ids) == 1


def test_pairs_with_one_answer_in_common_are_no_repetition(tmp_path: Path) -> None:
    findings = found(tmp_path, [FINE, FINE | {"rejected": "43"}, FINE])
    assert (
        findings["repeated_target"].message
        == "1 row whose target an earlier row has too: a warning only, they are used"
    )


def test_a_correction_is_written_as_a_pair() -> None:
    cell = PREFERENCES.key(FINE)
    assert PREFERENCES.from_cell("here", cell, None) == FINE
    with pytest.raises(
        SourceError, match=r"here: 'better' is no pair of answers; write it as \{\"chosen\": \"...\", \"rej"
    ):
        PREFERENCES.from_cell("here", "better", None)
    assert PREFERENCES.from_cell("here", '{"chosen": "...", "rejected": "..."}', None)["chosen"] == "..."


def test_pairs_that_are_all_the_same_teach_nothing() -> None:
    with pytest.raises(TrainingError, match="all 2 training rows have the same pair of answers"):
        PREFERENCES.learn([FINE, FINE], training())
    with pytest.raises(SplitError, match="all 2 rows of train have the same pair of answers"):
        PREFERENCES.strata.refuse({}, [FINE, FINE])
    assert PREFERENCES.learn([FINE, FINE | {"rejected": "43"}], training()).codec.beta == 0.1
