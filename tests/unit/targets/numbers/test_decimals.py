"""Numbers with a decimal comma: read where nothing else can be meant."""

import pytest

from finetrail.errors import SourceError
from finetrail.targets.numbers.decimals import with_points
from finetrail.targets.numbers.reading import read_number


def read(*labels: str, decimal: str = "auto") -> tuple[list[float | str | None], list[str]]:
    notes: list[str] = []
    records = ((number, {"label": label}) for number, label in enumerate(labels, start=1))
    found = with_points("a.csv", records, "label", decimal, notes.append)
    return [read_number("a.csv", record["label"]) for _, record in found], notes


def test_a_comma_that_can_only_be_decimal_decides() -> None:
    found, notes = read("3", "24,71", "-0,5", "1.234,5", "24,715", "x")
    assert found == [3, 24.71, -0.5, 1234.5, 24.715, "x"]
    assert notes == ["a.csv: decimal comma (row 2 has '24,71')"]


def test_points_stay_points_and_a_stray_comma_is_no_number() -> None:
    assert read("3.5", "24,71", "1,234") == ([3.5, "24,71", "1,234"], [])
    assert read("1", "1,234") == ([1, "1,234"], [])


@pytest.mark.parametrize("labels", [("24,71", "3.5"), ("1,234", "24,71")])
def test_two_readings_are_refused_and_the_setting_decides(labels: tuple[str, str]) -> None:
    with pytest.raises(SourceError, match=r'a\.csv: .*; set source\.csv\.decimal to "," or "\."$'):
        read(*labels)
    for decimal in (",", "."):
        assert len(read(*labels, decimal=decimal)[0]) == 2


def test_a_setting_is_kept_to() -> None:
    assert read("1,234", "1.234", "3.5", decimal=",")[0] == [1.234, 1234, "3.5"]
    assert read("1,234", "1.234", decimal=".")[0] == ["1,234", 1.234]
