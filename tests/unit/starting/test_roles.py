"""Which column is read and which is learnt, of tables that nobody has described."""

import csv
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrail.errors import ConfigError, SourceError
from finetrail.starting.roles import Roles
from tests.unit.starting.given import asked, data, rows, table, text

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "windows-1252")
LETTERS = string.ascii_lowercase + "äéß,;'"
SENTENCES = st.lists(
    st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=4, max_size=12).map(" ".join),
    min_size=8,
    max_size=30,
    unique=True,
)
CLASSES = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=6), min_size=2, max_size=4, unique=True)


def roles(path: Path, **said: Any) -> Roles:
    found = data(path, asked(**said)).roles
    assert found is not None
    return found


def role(path: Path, column: str, **said: Any) -> str:
    return next(f"{one.role}: {one.why}" for one in roles(path, **said).all if one.column == column)


WRITTEN = st.tuples(st.sampled_from(",;\t|"), st.booleans(), st.sampled_from(ENCODINGS))
"""Delimiter, whether there is a header, encoding."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(SENTENCES, CLASSES, WRITTEN, st.sampled_from([1, -1]))
def test_a_text_and_classes_are_found_however_they_are_written(
    tmp_path: Path, texts: list[str], classes: list[str], how: tuple[str, bool, str], step: int
) -> None:
    delimiter, header, encoding = how
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding=encoding) as file:
        written = csv.writer(file, delimiter=delimiter)
        if header:
            written.writerow(["Comment", "Kind"][::step])
        written.writerows([one, classes[place % len(classes)]][::step] for place, one in enumerate(texts))
    found = roles(path)
    names = ["Comment", "Kind"] if header else ["1", "2"][::step]
    assert (found.texts, found.label) == ((names[0],), (names[1],))
    looked_at = data(path).table
    assert looked_at is not None
    assert looked_at.rows == len(texts)
    assert set(looked_at.columns[names[1]].counts) == set(classes)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    return table(
        tmp_path / "reviews.csv",
        rows(
            id=lambda n: 700 + n,
            created_at=lambda n: f"2024-{n % 12 + 1:02}-03 10:00",
            user_id=lambda n: f"u{n % 15}",
            title=lambda n: f"title {n}",
            body=text,
            country=lambda n: "DE" if n % 3 else "FR",
            sentiment=lambda n: "good" if n % 2 else "bad",
            site=lambda n: "https://example.org/" + str(n),
            lang=lambda n: "en",
            notes=lambda n: "",
        ),
    )


def test_every_column_of_an_export_has_a_role_and_a_reason(reviews: Path) -> None:
    assert [f"{one.column}: {one.role}, {one.why}" for one in roles(reviews).all] == [
        "id: ignored, tells rows apart",
        "created_at: ignored, dates",
        "user_id: group, 15 values: the rows of each stay in one split",
        "title: ignored, another text",
        f"body: read, {sum(len(text(n)) for n in range(60)) / 60:.0f} characters on average",
        "country: ignored, 2 distinct values; not the label",
        "sentiment: label, 2 values: 'bad' 30, 'good' 30",
        "site: ignored, addresses",
        "lang: ignored, the same in every row",
        "notes: ignored, empty",
    ]


def test_what_a_person_names_is_taken(reviews: Path) -> None:
    found = roles(reviews, labels=["country"], texts=["title", "body"])
    assert (found.texts, found.label) == (("title", "body"), ("country",))
    assert role(reviews, "country", labels=["country"]) == "label: as you said, 2 values: 'DE' 40, 'FR' 20"


def test_a_column_that_is_not_there_is_refused_with_those_that_are(reviews: Path) -> None:
    with pytest.raises(ConfigError, match=r"--label 'stars': reviews\.csv has no such column; it has 'id', .*'notes'"):
        roles(reviews, labels=["stars"])


def test_a_column_is_not_read_and_learnt(reviews: Path) -> None:
    with pytest.raises(ConfigError, match=r"--text and --label both name 'body', .*; leave one of the two out"):
        roles(reviews, labels=["country", "body"], texts=["body"])


def test_two_columns_that_may_be_the_label_are_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(body=text, kind=lambda n: "ab"[n % 2], shop=lambda n: "xyz"[n % 3]))
    with pytest.raises(
        ConfigError, match=r"which column is the label: 'kind' or 'shop'\? Answer with --label kind, or"
    ):
        roles(path)
    assert roles(path, labels=["shop"]).label == ("shop",)


def test_two_texts_of_one_length_are_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(one=text, other=lambda n: text(n + 100), label=lambda n: "ab"[n % 2]))
    with pytest.raises(ConfigError, match=r"which column holds the text: '\w+' or '\w+'\? Answer with --text \w+, or"):
        roles(path)
    assert roles(path, texts=["other"]).texts == ("other",)


def test_numbers_of_a_class_give_way_to_its_name(tmp_path: Path) -> None:
    path = table(
        tmp_path / "a.parquet", rows(text=text, label=lambda n: n % 2, label_text=lambda n: ["bad", "good"][n % 2])
    )
    assert roles(path).label == ("label_text",)
    assert role(path, "label") == "ignored: numbers the values of 'label_text'"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (lambda n: f"x{n}", None),  # unique names
        (lambda n: n + 1, None),  # numbers the rows
        (lambda n: f"{n % 28 + 1}.03.2024", None),
        (lambda n: "same", None),
    ],
    ids=["unique", "numbers", "dates", "constant"],
)
def test_what_cannot_be_learnt_is_no_label(tmp_path: Path, values: Any, said: None) -> None:
    path = table(tmp_path / "a.csv", rows(body=text, other=values))
    assert data(path).roles is said


def test_official_splits_are_found_in_any_column(tmp_path: Path) -> None:
    path = table(
        tmp_path / "a.csv",
        rows(text=text, part=lambda n: "Train" if n % 4 else "dev", label=lambda n: "ab"[n % 2]),
    )
    assert roles(path).split == "part"


def test_true_and_false_are_refused_with_what_to_write(tmp_path: Path) -> None:
    values = [row | {"spam": row["spam"]} for row in rows(text=text, spam=lambda n: n % 2 == 0)]
    with pytest.raises(
        SourceError, match=r"'spam' holds true and false, .*; write names, such as yes and no, or 1 and 0"
    ):
        roles(table(tmp_path / "a.jsonl", values))
    numbers = [row | {"spam": int(row["spam"])} for row in values]
    assert roles(table(tmp_path / "b.jsonl", numbers)).label == ("spam",)


def test_an_export_names_images_that_are_elsewhere(tmp_path: Path) -> None:
    given = rows(photo=lambda n: f"{n}.jpg", title=text, category=lambda n: "ab"[n % 2])
    assert roles(table(tmp_path / "shop.csv", given)).texts == ("title",)


def test_where_both_readings_of_a_quote_have_the_same_rows_it_encloses(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(f'"{n % 3}","one, two {text(n)}"\n' for n in range(60)))
    assert roles(path).texts == ("2",)
    looked_at = data(path).table
    assert looked_at is not None
    assert set(looked_at.columns["1"].counts) == {"0", "1", "2"}


def test_an_open_quote_is_decided_by_a_person(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = ["big fish,x", '"tall tree,y', 'plain words",x', "more words there,y"]
    path.write_text("said,kind\n" + "\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match=r"line \d: a quote begins a field .*: 'none' or 'standard'\? .* --yes"):
        roles(path)
