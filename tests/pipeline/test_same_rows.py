"""Rows that look the same are the same, and what is missing is missing, from ingest to split."""

import csv
import unicodedata
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest

from finetrail.data.canonical import canonical
from finetrail.workspace import SPLITS, read_json
from tests.conftest import ToyRow, toy_rows, write_csv
from tests.pipeline.workspaces import CSV, Sandbox

ROWS = [ToyRow(row | {"text": row["text"].replace("e", "é")}) for row in toy_rows()[:180]]


def twin(text: str, number: int) -> str:
    """A text that looks the same."""
    forms = (
        unicodedata.normalize("NFD", text),
        f"{text}\u00a0",
        text.replace(" ", "\u00a0", 3),
        f"{text[:5]}\u200b{text[5:]}",
        f"\ufeff{text}",
    )
    return forms[number % len(forms)]


def split_texts(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """The split and the text of each row."""
    for split in SPLITS:
        for part in sorted(sandbox.paths.split(split).glob("part-*.parquet")):
            yield from ((split, text) for text in pq.read_table(part)["text"].to_pylist())


def run(sandbox: Sandbox, rows: list[ToyRow], *stages: str) -> str:
    """What the last of the stages printed."""
    write_csv(sandbox.root / CSV, rows)
    for stage in stages:
        done = sandbox.finetrail(stage)
        assert done.code == 0, done
    return done.out


def reasons(sandbox: Sandbox) -> dict[int, str]:
    """The rules that put rows aside, by row."""
    with sandbox.paths.quarantine.open(encoding="utf-8", newline="") as file:
        return {int(row["row"]): row["rules"] for row in csv.DictReader(file)}


def test_texts_that_look_the_same_are_duplicates_and_never_on_two_sides(plain: Sandbox) -> None:
    twins = [ToyRow(row | {"text": twin(row["text"], number)}) for number, row in enumerate(ROWS)]
    plain.edit("split.method", "stratified")
    assert "duplicate: 180 rows that repeat an earlier row" in run(plain, [*ROWS, *twins], "ingest", "validate")
    plain.edit("validation.duplicate", {"policy": "off"})
    run(plain, [*ROWS, *twins], "ingest", "validate", "split")
    sides: dict[str, set[str]] = {}
    found = list(split_texts(plain))
    for split, text in found:
        sides.setdefault(canonical(text), set()).add(split)
    assert {len(splits) for splits in sides.values()} == {1}
    # What the model reads is exactly what the source has.
    given = {row["text"] for row in [*ROWS, *twins]}
    assert {text for _, text in found} <= given
    assert len({text for _, text in found}) > len(sides)


def test_texts_that_look_the_same_with_two_labels_are_a_conflict(plain: Sandbox) -> None:
    bad = [ToyRow(row | {"text": twin(row["text"], number), "label": "chess"}) for number, row in enumerate(ROWS[:10])]
    plain.edit("validation.rare_label.policy", "off")
    run(plain, [*ROWS, *bad], "ingest", "validate")
    found = reasons(plain)
    assert {found[row] for row in [*range(1, 11), *range(181, 191)]} == {"conflicting_label"}


def test_texts_of_invisible_characters_alone_are_empty_and_such_labels_missing(plain: Sandbox) -> None:
    texts = ["\u200b\u200b", "\ufeff", "\u2060\u200d", "\u3000\u00a0", "\u00ad", "\x00"]
    blank = [ToyRow(text=text, label="sailing", split="train") for text in texts]
    run(plain, [*ROWS, *blank, ToyRow(text="a text", label="\u200b", split="train")], "ingest", "validate")
    found = reasons(plain)
    assert [found[number] for number in range(181, 188)] == ["empty_text"] * 6 + ["missing_label"]
    assert read_json(plain.paths.validation_report)["rows"]["quarantined"] == len(found)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "text"}, "source.columns: column 'text' is given as content and as label; name another column for"),
        ({"split": "text"}, "source.columns: column 'text' is given as content and as split; name another column for"),
        ({"split": "label"}, "source.columns: column 'label' is given as label and as split; name another column for"),
    ],
)
def test_one_column_has_one_role(plain: Sandbox, columns: dict[str, str], message: str) -> None:
    plain.edit("source.columns", columns)
    done = plain.finetrail("ingest")
    assert (done.code, done.error.partition(": params.yaml: ")[2][: len(message)]) == (2, message)


def spelled(label: str, number: int) -> str:
    """A class as somebody typed it."""
    forms = {
        "cooking": ("Café", unicodedata.normalize("NFD", "Café"), "Café"),
        "sailing": ("Sport", "Sport", "Sport "),
        "weather": ("Wetter", "wetter", "Wetter"),
    }
    return forms[label][number // 3 % 3]


SPELLED = [ToyRow(row | {"label": spelled(row["label"], number)}) for number, row in enumerate(ROWS)]


def labels_of(sandbox: Sandbox) -> dict[str, float]:
    found: dict[str, float] = read_json(sandbox.paths.validation_report)["labels"]
    return found


def test_classes_that_differ_by_case_space_or_form_are_one_fault_that_names_both_spellings(plain: Sandbox) -> None:
    run(plain, SPELLED, "ingest")
    done = plain.finetrail("validate")
    assert done.code == 3
    for pair in (r"'Cafe\u0301' for 'Café'", "'Sport ' for 'Sport'", "'wetter' for 'Wetter'"):
        assert pair in done.error
    assert done.error.startswith("ValidationError: rule label_spelling: ")
    assert "write each label in one way, or set validation.label_spelling.policy to merge" in done.error


def test_the_remedy_of_that_fault_clears_it_and_merges_the_classes_in_every_split(plain: Sandbox) -> None:
    plain.edit("validation.label_spelling", {"policy": "merge"})
    out = run(plain, SPELLED, "ingest", "validate")
    assert "label_spelling: " in out
    assert ": taken as one" in out
    assert set(labels_of(plain)) == {"Café", "Sport", "Wetter"}
    assert plain.finetrail("split").code == 0
    assert read_json(plain.paths.split_report)["labels"] == ["Café", "Sport", "Wetter"]
    for split in SPLITS:
        parts = plain.paths.split(split).glob("part-*.parquet")
        assert {label for part in parts for label in pq.read_table(part)["label"].to_pylist()} == {
            "Café",
            "Sport",
            "Wetter",
        }


def test_a_text_under_two_spellings_is_a_duplicate_when_they_are_merged(plain: Sandbox) -> None:
    plain.edit("validation.label_spelling", {"policy": "merge"})
    run(plain, [*ROWS, ToyRow(ROWS[0] | {"label": ROWS[0]["label"].upper()})], "ingest", "validate")
    assert reasons(plain)[181] == "duplicate"


def test_spellings_may_be_kept_apart(plain: Sandbox) -> None:
    plain.edit("validation.label_spelling", {"policy": "off"})
    run(plain, SPELLED, "ingest", "validate", "split")
    assert len(labels_of(plain)) == 6


def test_whole_numbers_with_and_without_a_fraction_are_one_class_and_that_is_said_once(
    plain: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    number = {"cooking": "1", "sailing": "2", "weather": "3"}
    rows = [
        ToyRow(row | {"label": number[row["label"]] + (".0" if row["split"] == "test" else "")}) for row in toy_rows()
    ]
    run(plain, rows, "ingest")
    caplog.clear()
    assert plain.finetrail("validate").code == 0
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "whole numbers that stand with and without a fraction are one class: 1.0 is 1, 2.0 is 2, 3.0 is 3"
    ]
    assert set(labels_of(plain)) == {"1", "2", "3"}
    assert plain.finetrail("split").code == 0
    counts = read_json(plain.paths.split_report)["label_counts"]
    assert all(counts[split][label] for split in SPLITS for label in "123")
