"""What is faster is found out once a machine."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from finetrail.training.measured import faster, machine


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINETRAIL_CACHE", str(tmp_path))
    return tmp_path / "measured"


def working(**seconds: float) -> tuple[dict[str, Callable[[], object]], list[str]]:
    called: list[str] = []

    def way(name: str) -> Callable[[], object]:
        def run() -> None:
            called.append(name)
            ends = time.process_time() + seconds[name]
            while time.process_time() < ends:
                pass

        return run

    return {name: way(name) for name in seconds}, called


@pytest.mark.parametrize(
    ("seconds", "margin", "expected"),
    [
        ({"a": 0.01, "b": 0.05}, 1.0, "a"),
        ({"a": 0.05, "b": 0.01}, 1.0, "b"),
        ({"a": 0.05, "b": 0.01}, 3.0, "b"),
        ({"a": 0.05, "b": 0.04}, 3.0, "a"),
    ],
)
def test_the_fastest_wins_if_it_is_so_many_times_as_fast_as_the_usual(
    seconds: dict[str, float], margin: float, expected: str
) -> None:
    assert faster({"x": 1}, working(**seconds)[0], margin) == expected


def test_it_is_measured_once_for_each_thing_and_set_of_ways(cache: Path) -> None:
    ways, called = working(a=0.002, b=0.0)
    first = faster({"x": 1}, ways)
    assert {*called} == {"a", "b"}
    called.clear()
    assert faster({"x": 1}, ways) == first
    assert called == []
    (content,) = [json.loads(path.read_text()) for path in cache.iterdir()]
    assert content["machine"] == machine()
    assert (content["what"], content["chosen"], set(content["seconds"])) == ({"x": 1}, first, {"a", "b"})
    faster({"x": 2}, ways)
    faster({"x": 1}, {"a": ways["a"]})
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"chosen": "gone"}', '{"chosen": 3}'])
def test_a_file_that_says_nothing_is_measured_anew(cache: Path, content: str) -> None:
    ways, called = working(a=0.001)
    faster({}, ways)
    (path,) = cache.iterdir()
    path.write_text(content)
    called.clear()
    assert faster({}, ways) == "a"
    assert called
    assert json.loads(path.read_text())["chosen"] == "a"


def test_a_cache_that_cannot_be_written_is_no_mistake(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert faster({}, working(a=0.001)[0]) == "a"


def test_what_is_out_of_the_question_is_not_tried_often() -> None:
    ways, called = working(a=0.1, b=0.001)
    assert faster({}, ways) == "b"
    assert called.count("a") == 2
