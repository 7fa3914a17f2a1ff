"""A table with several labels that a person named becomes a params.yaml for all of them at once."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from finetrail.config import load_params
from finetrail.errors import SourceError
from finetrail.starting.names import names_of
from finetrail.starting.recognising import recognise
from tests.unit.starting.given import asked, data, image, rows, table, text, written

FILMS = rows(
    plot=text,
    **{"Country of origin": lambda n: "abc"[n % 3]},
    genres=lambda n: "drama|war" if n % 2 else "comedy",
    price=lambda n: f"{n * 1.7:.2f}",
    stars=lambda n: n % 5 + 1,
    same=lambda n: "x",
    code=lambda n: f"x{n}",
    gone=lambda n: "",
)
LABELS = ["Country of origin", "genres", "price", "stars"]


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return table(tmp_path / "films.csv", FILMS)


def test_each_label_is_a_target_of_its_kind(films: Path) -> None:
    params, made = written(films, asked(labels=LABELS))
    assert params.task.name == "text-multi-target"
    assert params.task.task.target.joins == {
        "Country_of_origin": "single_label_classification",
        "genres": "multi_label_classification",
        "price": "regression",
        "stars": "single_label_classification",
    }
    columns: Any = params.source.columns
    assert (columns.contents, columns.targets.Country_of_origin.label) == (("plot",), "Country of origin")
    assert (columns.targets.genres.label, columns.targets.genres.delimiter) == ("genres", "|")
    rules: Any = params.validation
    assert (rules.targets.stars.rare_label.policy, rules.targets.stars.rare_label.min_rows) == ("quarantine", 10)
    assert "      price: {label: price} # as you said, numeric" in made


def test_what_is_learnt_is_said(films: Path) -> None:
    said = recognise(data(films, asked(labels=LABELS)))[1].said
    assert "  Country of origin: label, as you said, 3 values: 'a' 20, 'b' 20, 'c' 20" in said
    assert "  genres: label, as you said, names with '|' between them" in said
    assert said[-2].startswith("  learnt at once: Country_of_origin (single_label_classification), genres (multi_")


def test_whole_numbers_become_numbers_as_it_says(films: Path) -> None:
    _, made = written(films, asked(labels=["genres", "stars"]))
    said = recognise(data(films, asked(labels=["genres", "stars"])))[1].said[-1]
    assert "write problem_type: regression in params.yaml, and stars: {} below validation.targets" in said
    yaml = YAML()
    params = yaml.load(made)
    params["task"]["targets"]["stars"]["problem_type"] = "regression"
    params["validation"]["targets"]["stars"] = {}
    yaml.dump(params, films.parent / "params.yaml")
    assert load_params(films.parent / "params.yaml").task.task.target.joins["stars"] == "regression"


def test_one_label_is_learnt_alone(films: Path) -> None:
    assert written(films, asked(labels=["genres"]))[0].task.name == "text-classification"


def test_labels_of_zero_and_one_may_be_one_set(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rows(text=text, rude=lambda n: n % 2, loud=lambda n: n // 2 % 2))
    labels = ["rude", "loud"]
    assert written(path, asked(labels=labels))[0].task.name == "text-multi-target"
    assert (
        recognise(data(path, asked(labels=labels)))[1]
        .said[-1]
        .endswith("--task text-classification learns them as one set of classes")
    )
    params, _ = written(path, asked("text-classification", labels))
    assert (params.task.task.target.problem_type, params.source.columns.labels) == (
        "multi_label_classification",
        ("rude", "loud"),
    )


def test_images_have_several_labels_too(tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    listed = rows(file=lambda n: f"{n % 4}.png", kind=lambda n: "abc"[n % 3], age=lambda n: 20 + n * 1.5)
    table(folder / "labels.csv", listed)
    for number in range(4):
        image(folder / f"{number}.png", number)
    params, made = written(folder, asked(labels=["kind", "age"]))
    assert params.task.name == "image-multi-target"
    assert params.task.task.target.joins == {"age": "regression", "kind": "single_label_classification"}
    assert params.source.columns.contents == ("file",)
    assert "metric: mean" in made


def test_rare_classes_missing_labels_and_groups_count(tmp_path: Path) -> None:
    given = rows(
        150,
        text=text,
        author=lambda n: f"a{n % 12}",
        kind=lambda n: "rare" if n < 4 else "ab"[n % 2],
        age=lambda n: n * 1.5 if n % 3 else "",
    )
    path = table(tmp_path / "a.csv", given)
    params, _ = written(path, asked(labels=["kind", "age"]))
    assert (params.split.method, params.source.columns.group) == ("group", "author")
    said = recognise(data(path, asked(labels=["kind", "age"])))[1].said
    assert "  50 rows have no label of age: they teach the others that they have" in said
    assert "note: fewer than 10 rows of 'rare': validation.targets.kind.rare_label puts aside what is too rare" in said


@pytest.mark.parametrize(
    ("column", "why"),
    [("same", "has the value 'x' alone"), ("code", "has another value in every row"), ("gone", "is empty")],
)
def test_what_cannot_be_learnt_is_refused(films: Path, column: str, why: str) -> None:
    with pytest.raises(
        SourceError,
        match=rf"films\.csv: --label '{column}' {why}, .* or a number; name another column, or leave it out",
    ):
        written(films, asked(labels=["genres", column]))
    assert written(films, asked(labels=["genres"]))[0].task.name == "text-classification"


def test_true_and_false_and_objects_are_refused(tmp_path: Path) -> None:
    given = rows(text=text, kind=lambda n: "ab"[n % 2], spam=lambda n: n % 2 == 0, at=lambda n: [0.5, n])
    given = [row | {"who": {"id": n}} for n, row in enumerate(given)]
    path = table(tmp_path / "a.jsonl", given)
    with pytest.raises(SourceError, match=r"'spam' holds true and false, .*; write names"):
        written(path, asked(labels=["kind", "spam"]))
    with pytest.raises(SourceError, match=r"--label 'who' holds objects, but"):
        written(path, asked(labels=["kind", "who"]))
    with pytest.raises(SourceError, match=r"--label 'at' holds lists of numbers, but"):
        written(path, asked(labels=["kind", "at"]))


def test_the_task_alone_names_no_labels(films: Path) -> None:
    with pytest.raises(
        SourceError, match=r"which is a table with a text and two or more labels, .* --label of its own"
    ):
        written(films, asked("text-multi-target", ["genres"]))


@given(st.lists(st.text(max_size=50), min_size=2, max_size=6, unique=True))
def test_any_column_gives_a_name_that_is_allowed_and_its_own(columns: list[str]) -> None:
    names = [*names_of(columns).values()]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", name) for name in names)
    assert len({name.lower() for name in names}) == len(columns)


def test_names_stay_where_they_can() -> None:
    assert names_of(["stars", "Größe (m)", "größe m", "2024", "json", "年"]) == {
        "stars": "stars",
        "Größe (m)": "Groe_m",
        "größe m": "groe_m_2",
        "2024": "label_2024",
        "json": "json_label",
        "年": "label",
    }
