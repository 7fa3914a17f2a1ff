"""A curve that is written comes back as the same numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation.scores.metric import Point
from finetrail.runs.curves import read_curve, write_curve

NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53).map(float)


@st.composite
def curves(draw: st.DrawFn) -> list[Point]:
    names = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1)
    columns = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, NUMBERS)), min_size=1, max_size=5))


@given(curves())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, points: list[Point]) -> None:
    path = tmp_path_factory.getbasetemp() / "curve.csv"
    write_curve(path, points)
    assert read_curve(path) == points


def test_is_a_file_that_a_spreadsheet_opens(tmp_path: Path) -> None:
    write_curve(tmp_path / "a.csv", [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 1e-07}])
    assert (tmp_path / "a.csv").read_bytes() == b"step,loss\n1,0.5\n2,1e-07\n"
    assert read_curve(tmp_path / "a.csv") == [{"step": 1.0, "loss": 0.5}, {"step": 2.0, "loss": 1e-07}]


def test_infinite_values_come_back(tmp_path: Path) -> None:
    write_curve(tmp_path / "a.csv", [{"loss": float("inf")}])
    assert read_curve(tmp_path / "a.csv") == [{"loss": float("inf")}]


def test_a_point_with_other_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fields not in fieldnames: 'accuracy'"):
        write_curve(tmp_path / "a.csv", [{"loss": 1.0}, {"loss": 1.0, "accuracy": 0.5}])
