"""Rows of several texts on their way from a file to a split: what is missing, empty, too long, the same or near."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from finetrail.contents.text.near import normalise_all
from finetrail.contents.text.source import TextColumns
from finetrail.contents.text.split import TextSplit
from finetrail.contents.text.stored import StoredTexts
from finetrail.data.near.leakage import Neighbours
from finetrail.data.store.raw import Row, keyed, read_manifest, write_rows
from finetrail.errors import SourceError
from finetrail.stages.ingest import ingest
from finetrail.targets.classes import CLASSES
from finetrail.workspace import Workspace
from tests.unit.contents.text.manifests import listed
from tests.unit.sections_of import TEXTS, rules_of, source_of

COLUMNS = {"text": ["premise", "hypothesis"], "label": "says"}
Pair = tuple[str, str]


def pair(premise: str, hypothesis: str) -> dict[str, str]:
    return {"premise": premise, "hypothesis": hypothesis}


def write(path: Path, rows: list[tuple[str | None, str | None, str]]) -> None:
    header = ("premise", "hypothesis", "says")
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(dict(zip(header, zip(*rows, strict=True), strict=True))), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_row_has_its_texts_by_column_and_none_where_one_is_missing(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [("it rains", "it is wet", "yes"), ("it rains", "", "no"), ("it rains", None, "no")])
    found = [row.content for row in source_of(TEXTS, path=name, columns=COLUMNS).read(tmp_path)]
    last = pair("it rains", "") if name == "a.csv" else None  # in a CSV file a missing text is an empty one
    assert found == [pair("it rains", "it is wet"), pair("it rains", ""), last]


def test_a_text_that_is_none_is_refused_with_its_column(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"premise": "it rains", "hypothesis": 3, "says": "yes"}\n')
    with pytest.raises(
        SourceError, match=r"^a\.jsonl, row 1: column 'hypothesis' holds '3' \(int\); it must be text; write it"
    ):
        list(source_of(TEXTS, path="a.jsonl", columns=COLUMNS).read(tmp_path))
    with pytest.raises(SourceError, match=r"a\.jsonl: no column 'claim'; it has 'premise', 'hypothesis', 'says'"):
        list(source_of(TEXTS, path="a.jsonl", columns=COLUMNS | {"text": ["premise", "claim"]}).read(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (["premise", "premise"], "text names 'premise' twice; name each column once"),
        (["premise"], "at least 2 items"),
        ([], "at least 2 items"),
        ([1.5, 2], "valid string"),
        (True, "valid string"),
    ],
)
def test_columns_that_are_not_allowed_are_refused(text: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TextColumns(text=text)
    assert TextColumns(text=("a", "b")).contents == ("a", "b")


def derived(folder: Path, contents: list[dict[str, str] | None], name: str, **rules: Any) -> list[Any]:
    rows = [Row("a.csv", number, content, "x") for number, content in enumerate(contents, start=1)]
    write_rows(rows, folder, StoredTexts(("premise", "hypothesis")), CLASSES)
    return listed(rules_of(TEXTS, **rules).derive(keyed(read_manifest(folder), CLASSES.key))[name])


def test_a_rule_about_texts_looks_at_each_text_of_a_row(tmp_path: Path) -> None:
    contents = [
        None,
        pair("", "abc"),
        pair("abc", " "),
        pair("abc", "abcd"),
        pair("abcdefg", "ab"),
        pair("ab", "abcde"),
    ]
    bounds = {"length": {"min_characters": 3, "max_characters": 6}}
    assert derived(tmp_path, contents, "words") == [None, 0, 0, 1, 1, 1]
    # The length that breaks the rule, if one does: 7 is too long, and 2 too short.
    assert derived(tmp_path, contents, "length", **bounds) == [None, None, None, 3, 7, 2]
    assert derived(tmp_path, contents, "label_used", **bounds, rare_label={"policy": "off"}) == [
        *[None] * 3,
        "x",
        None,
        None,
    ]


def test_rows_repeat_each_other_only_if_all_texts_do(tmp_path: Path) -> None:
    contents = [pair("a", "b"), pair("b", "a"), pair("a", "c"), pair("a", "b")]
    found = derived(tmp_path, [*contents], "duplicate_of")
    assert found[:3] == [None] * 3
    assert found[3] == read_manifest(tmp_path)["id"][0]


LONG = "the shuttle reached orbit after a flawless launch in the early morning"
OTHER = "nobody had expected that the weather would hold until the end of the week"
NEARLY = LONG.replace("flawless", "late")
CONTENTS = [pair(LONG, OTHER), pair(OTHER, LONG), pair(NEARLY, OTHER), pair(OTHER, NEARLY), pair(LONG, LONG)]
SHORT = [pair("is it wet", "does it rain"), pair("Does it rain?", "Is it wet?")]


def neighbours(settings: TextSplit, contents: list[dict[str, str]]) -> Neighbours:
    manifest = pd.DataFrame()  # the texts say it all
    return settings.neighbours(manifest, settings.keys(manifest, contents))


def clusters(contents: list[dict[str, str]], **split: Any) -> list[int]:
    found: list[int] = neighbours(TextSplit(**split), contents).clusters().tolist()
    return found


def test_rows_are_near_by_all_their_texts_together() -> None:
    found = clusters([CONTENTS[0], CONTENTS[2], CONTENTS[4]], near_duplicates=0.7)
    assert found[0] == found[1] != found[2]


def test_texts_that_change_places_are_the_same_row_only_where_the_order_means_nothing() -> None:
    assert len(set(clusters(SHORT))) == 2
    assert len(set(clusters(SHORT, symmetric=True))) == 1
    assert len(set(clusters(SHORT, symmetric=True, near_duplicates=1.0))) == 1
    nearly = [CONTENTS[0], CONTENTS[3]]
    assert len(set(clusters(nearly, near_duplicates=0.75, symmetric=True))) == 1
    assert TextSplit(symmetric=True).measure["symmetric"] is True
    assert "symmetric" not in TextSplit().measure


def test_a_row_with_its_texts_swapped_does_not_cross_the_splits() -> None:
    found = neighbours(TextSplit(symmetric=True), SHORT)
    crossing = found.crossing(["train", "test"])
    assert crossing is not None
    assert found.say(crossing.similarity) == "Jaccard 1.000"
    assert found.relation(0, 1) == "the same text as"


pieces = st.text("ab |.\n", max_size=5)


@given(st.tuples(pieces, pieces), st.tuples(pieces, pieces))
def test_keys_are_equal_exactly_for_rows_of_equal_normalised_texts(one: Pair, other: Pair) -> None:
    keys = [[normalise_all(text) for text in row] for row in (one, other)]
    plain = [normalise_all(pair(*row)) for row in (one, other)]
    assert (plain[0] == plain[1]) == (keys[0] == keys[1])
    either = [normalise_all(pair(*row), symmetric=True) for row in (one, other)]
    assert (either[0] == either[1]) == (sorted(keys[0]) == sorted(keys[1]))


def test_ingest_writes_what_later_stages_show(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [("it  rains", "it is wet", "yes"), ("it is dry", "it rains", "no")])
    done = ingest(Workspace(tmp_path), source_of(TEXTS, path="a.csv", columns=COLUMNS, limit={"all": 1}))
    assert done.rows == {"all": 1}
    raw = Workspace(tmp_path).raw
    (name,) = read_manifest(raw)["id"]
    shown = {name: "it rains | it is wet"}, {name: "it is dry | it rains"}
    assert TextSplit().excerpts(raw, [name]) in shown
    assert rules_of(TEXTS).excerpts(raw, read_manifest(raw), [name]) in shown
