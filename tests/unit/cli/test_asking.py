"""Who answers a question: a person, the best guess, or nobody."""

import io

import pytest

from finetrail.cli.asking import chooser
from finetrail.errors import ConfigError

QUESTION = ("a.csv: which column is the label", ["kind", "shop"], "--label kind")


def test_a_person_answers_by_number(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("7\n2\n"))
    assert chooser(yes=False, terminal=True)(*QUESTION) == "shop"
    shown = capsys.readouterr().out
    assert "  1  kind\n  2  shop\n" in shown


def test_yes_takes_the_first() -> None:
    assert chooser(yes=True, terminal=True)(*QUESTION) == "kind"


def test_without_a_terminal_the_flag_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"which column is the label: 'kind' or 'shop'\? Answer with --label kind, or"
    ):
        chooser(yes=False, terminal=False)(*QUESTION)
