"""Which columns hold the content and the label of a table that nobody has described."""

import json
import string
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.commands.suggest.guesses import guess, guess_of
from finetrail.errors import SourceError

TEXTS = [f"the {word} was seen near the old harbour in the morning, {number}" for number, word in enumerate("abcdefgh")]
ROWS = [
    {"id": number, "body": text, "kind": "good" if number % 2 else "bad", "rating": number / 7}
    for number, text in enumerate(TEXTS)
]

WORDS = st.text(string.ascii_lowercase + " ", min_size=20, max_size=60).filter(str.strip)
NAMES = st.lists(st.text(string.ascii_letters, min_size=1, max_size=8), min_size=5, max_size=5, unique_by=str.lower)


@given(
    st.lists(WORDS, min_size=8, max_size=30, unique=True),
    st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=6), min_size=2, max_size=4, unique=True),
    NAMES,
    st.permutations(range(5)),
    st.randoms(use_true_random=False),
)
def test_long_texts_are_the_content_and_few_values_the_label(
    texts: list[str], labels: list[str], names: list[str], order: list[int], chance: Any
) -> None:
    content, label, number, empty, official = names
    rows = []
    for place, text in enumerate(texts):
        values = {
            content: text,
            label: labels[place % len(labels)],
            number: place,
            empty: None,
            official: chance.choice(["train", "test"]),
        }
        rows.append({names[at]: values[names[at]] for at in order})
    if label.lower() not in ("train", "test"):
        found = guess("rows.csv", rows, None, None)
        assert (found.content, found.label) == (content, label)


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet", "semicolons.csv"])
def test_every_kind_of_table_is_read(tmp_path: Path, name: str) -> None:
    path, frame = tmp_path / name, pd.DataFrame(ROWS)
    if name.endswith("parquet"):
        frame.to_parquet(path)
    elif name.endswith("jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        separator = "\t" if name.endswith("tsv") else ";" if name.startswith("semi") else ","
        frame.to_csv(path, sep=separator, index=False)
    found = guess_of(path)
    assert (found.content, found.label) == ("body", "kind")
    assert found.said == (
        "content is 'body' (53 characters on average), label is 'kind' (2 distinct values in the first 8 rows)"
    )


def test_a_usual_name_decides_between_labels() -> None:
    rows = [row | {"Label": "abc"[place % 3]} for place, row in enumerate(ROWS)]
    assert guess("rows.csv", rows, None, None).label == "Label"
    assert guess("rows.csv", rows, None, "kind").label == "kind"


def test_a_column_that_a_person_names_is_taken() -> None:
    rows = [row | {"title": f"t{place}"} for place, row in enumerate(ROWS)]
    found = guess("rows.csv", rows, "title", None)
    assert (found.content, found.label) == ("title", "kind")


def test_without_a_label_it_says_how_to_name_one() -> None:
    rows = [{"body": row["body"], "id": row["id"]} for row in ROWS]
    with pytest.raises(SourceError, match=r"no column looks like a label, .*; it has 'body', 'id'; .*--label COLUMN"):
        guess("rows.csv", rows, None, None)
    assert guess("rows.csv", rows, None, "id").label == "id"


def test_without_texts_it_says_how_to_name_the_content() -> None:
    rows = [{"id": row["id"], "kind": place % 2} for place, row in enumerate(ROWS)]
    with pytest.raises(SourceError, match=r"no column holds texts; it has 'id', 'kind'; .*--content COLUMN"):
        guess("rows.csv", rows, None, None)
    assert guess("rows.csv", rows, "id", None).label == "kind"


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SourceError, match=r"no column 'boddy'; it has 'id', 'body', 'kind', 'rating'"):
        guess("rows.csv", ROWS, "boddy", None)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("a\n")
    with pytest.raises(SourceError, match="give a CSV, TSV, JSONL or Parquet file"):
        guess_of(tmp_path / "rows.txt")
    with pytest.raises(SourceError, match=r"nothing\.csv does not exist"):
        guess_of(tmp_path / "nothing.csv")
