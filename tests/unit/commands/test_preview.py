"""`finetrail preview`: what a model reads and learns is shown before any training, in colour or in brackets."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from finetrail.commands.preview import Example, Piece, Shown, lines, preview
from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.raw import Row, write_rows
from finetrail.data.store.shards import Contents, read_frame
from finetrail.sections import Params
from finetrail.workspace import Workspace, read_json
from tests.unit.params_file import load

TEXTS = {"good door": "fine", "the door of a bad house\nby the river": "bad stone", "superb " * 40: "great " * 20}
LEARNT = "\x1b[1;32m"
CANDIDATES = {"adaptation": {"method": "full"}, "train": {"learning_rate": 1e-3}}


def workspace_of(root: Path, encoder: Path, task: str) -> tuple[Workspace, Params]:
    """A workspace with both splits of a task that is learnt from texts."""
    given: dict[str, Any] = {"weights": "data/weights/tiny", "max_tokens": 16}
    if task == "summarization":
        given |= {"decoder_layers": 1, "max_answer_tokens": 6}
    (root / "data/weights").mkdir(parents=True)
    (root / "data/weights/tiny").symlink_to(encoder)
    edits = {"task": task, "backbone": given, "candidates": {"one": CANDIDATES, "two": CANDIDATES}}
    params, workspace = load(root, edits), Workspace(root)
    rows = [Row("a.csv", number, text, label) for number, (text, label) in enumerate(TEXTS.items(), start=1)]
    for split in ("train", "val"):
        workspace.split(split).mkdir(parents=True)
        write_rows(rows, workspace.split(split), StoredTexts(), params.task.task.target)
    return workspace, params


def shown(found: Shown, *, marked: bool, **console: Any) -> str:
    page = io.StringIO()
    for example in found.examples:
        for line in lines(example, marked=marked):
            Console(file=page, width=400, **console).print(line)
    return page.getvalue()


def found_in(workspace: Workspace, params: Params, most: int) -> Shown:
    return preview(workspace, params.task.task, params.candidates["one"], seed=0, most=most)


def test_a_model_that_writes_learns_its_answers_as_they_are_cut(encoder_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    found = found_in(*workspace_of(tmp_path, encoder_folder, "summarization"), most=2)
    frame = read_frame(tmp_path / "data/splits/train")
    assert [one.id for one in found.examples] == frame["id"].tolist()[:2]
    tokenizer = AutoTokenizer.from_pretrained(encoder_folder, trust_remote_code=False)
    texts = list(Contents(tmp_path / "data/splits/train", "text"))
    for example, text, label in zip(found.examples, texts, frame["label"], strict=False):
        read, learnt = example.pieces
        assert (read.learnt, learnt.learnt) == (False, True)
        assert read.text == tokenizer.decode(tokenizer(text, truncation=True, max_length=16)["input_ids"])
        assert learnt.text.split() == [*label.split()[:5], "[SEP]"]
    assert (found.rows, found.unlearnt) == (3, 0)
    assert found.said == "nothing is learnt after the cut in 0 of 3 rows (0.0%)"


def test_of_a_task_with_labels_the_label_stands_behind_what_is_read(encoder_folder: Path, tmp_path: Path) -> None:
    found = found_in(*workspace_of(tmp_path, encoder_folder, "text-classification"), most=5)
    assert {one.label for one in found.examples} == set(TEXTS.values())
    read = {one.label: one.pieces[0].text for one in found.examples}
    assert read["fine"] == "good door"
    assert read["great " * 20].split() == ["superb"] * 14  # and two special tokens
    assert found.said == "of each of 3 rows the label is learnt, from what the model reads as above"


def test_the_command_prints_marks_where_there_is_no_colour_and_writes_json(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetrail.cli.app import app

    workspace_of(tmp_path, encoder_folder, "summarization")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["preview", "two", "--rows", "1", "--json", "shown.json"])
    assert done.exit_code == 0, done.output
    first, *read, last = done.output.splitlines()
    written = read_json(tmp_path / "shown.json")
    assert first == f"row {written['examples'][0]['id']}"
    assert "\n".join(read).count("[[") == 1
    assert f"[[{written['examples'][0]['pieces'][1]['text']}]]" in "".join(read)
    assert last == "two: nothing is learnt after the cut in 0 of 3 rows (0.0%)"
    wrong = CliRunner().invoke(app, ["preview", "three"])
    assert "candidate 'three' is not in params.yaml; it has one, two" in wrong.output


HOSTILE = Example("1", (Piece("a\x1b[31m red\nb", False), Piece("c\nd\x07", True), Piece("e", False)))


def test_what_is_learnt_is_coloured_line_by_line_and_nothing_is_obeyed() -> None:
    found = Shown((HOSTILE,), 200, 3)
    assert shown(found, marked=True) == "row 1\n  a\\x1b[31m red\n  b[[c]]\n  [[d\\x07]]e\n"
    terminal = shown(found, marked=False, force_terminal=True, color_system="standard")
    assert terminal == f"row 1\n  a\\x1b[31m red\n  b{LEARNT}c\x1b[0m\n  {LEARNT}d\\x07\x1b[0me\n"
    assert found.said == "nothing is learnt after the cut in 3 of 200 rows (1.5%)"
