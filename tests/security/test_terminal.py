"""Names that clear a screen, forge a line or look like markup reach the terminal as text."""

from pathlib import Path

import pytest

from tests.pipeline.workspaces import CSV, Sandbox

EVE = "Eve\x1b]0;OWNED\x07\x1b[2J\x1b[31m fake line: 9 promotion ok\u202e"


def clean(said: str) -> bool:
    return not {"\x1b", "\x07", "\r", "\u202e"} & {*said}


def test_an_authors_name_forges_no_line(gated: Sandbox) -> None:
    gated.must("git", "config", "user.name", EVE)
    done = gated.finetrail("promote")
    assert done.code == 0, done
    told = gated.finetrail("history")
    assert clean(done.out + done.err + told.out)
    (line,) = (line for line in told.out.splitlines() if " promotion " in line and "Eve" in line)
    assert r"Eve\x1b]0;OWNED" in line
    assert r"\x1b[2J\x1b[31m fake line: 9 promotion ok\u202e" in line


@pytest.mark.parametrize("name", ["o[red].csv", "o[/b].csv", "o\x1b[31m.csv"])
def test_a_files_name_is_printed_as_it_is(registered: Sandbox, tmp_path: Path, name: str) -> None:
    done = registered.finetrail("predict", CSV, str(tmp_path / name))
    assert done.code == 0, done
    assert (tmp_path / name).exists()
    assert clean(done.out)
    assert name.replace("\x1b", r"\x1b") in done.out


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "no\x1b[2Jsuch.csv", "x.csv"),
        ("predict", CSV, "x.csv", "--model", "data/mod\x1b[2Jels"),
        ("use", "[/b]\x1b[2J"),
        ("promote", "x\x1b[2J"),
        ("train", "x\x1b[2J"),
    ],
)
def test_what_is_refused_is_quoted_as_text(registered: Sandbox, command: tuple[str, ...]) -> None:
    done = registered.finetrail(*command)
    assert done.code != 0
    assert clean(done.out + done.err), done
    assert len(done.err.splitlines()) == 1
