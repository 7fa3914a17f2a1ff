"""`finetrail predict`, killed in the middle: it goes on where it was, with the same bytes, in constant memory."""

import json
import logging
import resource
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pytest
from filelock import FileLock

from finetrail.commands.predict import Scored, predict
from finetrail.contents.text import TEXT as CONTENT
from finetrail.data.store.shards import Most
from finetrail.errors import WorkspaceError
from finetrail.workspace import Workspace
from tests.pipeline import forks

pytestmark = pytest.mark.slow

T = TypeVar("T")
TEXT: dict[str, Any] = {"content": CONTENT, "columns": ["text"]}
TEN = Most(10, 2**20)


def score(model: Path, *files: Path) -> None:
    """Score one file after the other, and write down what came of each, and what the most memory was after it."""
    fifty = Most(50, 2**20)
    for source, target in zip(files[::2], files[1::2], strict=True):
        logging.getLogger("finetrail").addHandler(logging.FileHandler(target.with_suffix(".log")))
        done = predict(Workspace(source.parent), str(model), source, target, chunk=fifty, **TEXT)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        target.with_suffix(".json").write_text(json.dumps([done.rows, done.rejected, memory]))


def to_the_end(model: Path, *files: Path) -> list[list[int]]:
    """Score in a process like the one that is killed; returns of each file the rows, the rejected, and the memory."""
    process = forks.begin(score, model, *files)
    process.join()
    assert process.exitcode == 0
    return [json.loads(target.with_suffix(".json").read_text()) for target in files[1::2]]


def table(path: Path, rows: int) -> Path:
    """Texts of many lengths, of which every seventh is empty."""
    texts = [f"good bad {'table ' * (number % 11)}{number}" if number % 7 else "" for number in range(rows)]
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=str)})
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=1_000)
    else:
        frame.to_csv(path, index=False, quoting=1)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_killed_and_called_again_it_ends_with_the_same_bytes(saved_model: Path, tmp_path: Path, suffix: str) -> None:
    source = table(tmp_path / "a.csv", 1_800)
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    (done,) = to_the_end(saved_model, source, whole)
    killed = forks.begin(score, saved_model, source, cut)
    record = tmp_path / f".{cut.name}.partial" / "progress.json"
    until = time.monotonic() + 120
    while not record.exists() or json.loads(record.read_text())["progress"]["chunks"] < 3:
        assert killed.is_alive(), "it ended before it was killed"
        assert time.monotonic() < until
        time.sleep(0.005)
    killed.kill()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert not cut.exists()
    before = json.loads(record.read_text())["progress"]
    assert 0 < before["chunks"] < 36
    (again,) = to_the_end(saved_model, source, cut)
    said = cut.with_suffix(".log").read_text()
    assert f"{cut.name} resumes after row {before['rows'] + before['rejected']}, where it was interrupted" in said
    assert again[:2] == done[:2] == [1_800 - 258, 258]
    assert cut.read_bytes() == whole.read_bytes()
    rejects = [path.with_name(f"{path.name}.rejects.csv").read_bytes() for path in (whole, cut)]
    assert rejects[0] == rejects[1]
    assert not record.parent.exists()


class CutError(Exception):
    """As if the process ended here."""


def cut_off(saved_model: Path, source: Path, target: Path) -> None:
    """Score a part of the source: three chunks of ten rows are kept when the 35th is read."""

    def track(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
        yield from islice(items, 34)
        raise CutError

    with pytest.raises(CutError):
        predict(Workspace(source.parent), str(saved_model), source, target, track=track, chunk=TEN, **TEXT)


def test_only_what_is_missing_is_scored(saved_model: Path, tmp_path: Path) -> None:
    source, target = table(tmp_path / "a.csv", 100), tmp_path / "b.csv"
    cut_off(saved_model, source, target)
    parts = tmp_path / ".b.csv.partial"
    assert {path.name for path in parts.glob("*0[0-9].csv")} == {f"0000000{number}.csv" for number in range(3)}
    kept = [path.read_text() for path in sorted(parts.glob("*.csv")) if "rejects" not in path.name]
    for number, text in enumerate(kept):  # so that they are told from rows that are scored again
        (parts / f"0000000{number}.csv").write_text(text.replace("good bad", "kept"))
    (parts / "00000003.csv").write_text("half a chu")  # without a record it does not count
    assert predict(Workspace(tmp_path), str(saved_model), source, target, chunk=TEN, **TEXT).rows == 85
    found = pd.read_csv(target)["text"].str.extract(r"^(kept|good bad) .*?(\d+)$")
    expected = [number for number in range(100) if number % 7]
    assert found[1].astype(int).tolist() == expected
    assert found[0].tolist() == ["kept" if number < 30 else "good bad" for number in expected]


@pytest.mark.parametrize("changed", ["the source", "the model", "the columns", "the code", "its record"])
def test_after_a_change_it_starts_afresh_and_says_so(
    saved_model: Path,
    tmp_path: Path,
    changed: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, target, column = table(tmp_path / "a.csv", 100), tmp_path / "b.csv", "text"
    frame = pd.read_csv(source, keep_default_na=False)
    frame.assign(body=frame["text"]).to_csv(source, index=False)
    cut_off(saved_model, source, target)
    model, chunk = saved_model, TEN
    if changed == "the source":
        with source.open("a") as file:
            file.write("good,good\n")
    elif changed == "the model":
        model = Path(shutil.copytree(saved_model, tmp_path / "model"))
        (model / "note.txt").write_text("another")
    elif changed == "the columns":
        column = "body"
    elif changed == "the code":  # and the size of a chunk, which parts depend on too
        chunk = Most(11, 2**20)
    else:
        (tmp_path / ".b.csv.partial" / "progress.json").write_text("{")
    given: dict[str, Any] = {"content": CONTENT, "columns": [column], "chunk": chunk}
    with caplog.at_level(logging.WARNING):
        done = predict(Workspace(tmp_path), str(model), source, target, **given)
    assert f"an earlier scoring of b.csv was interrupted, but {changed} changed since: it starts over" in caplog.text
    fresh = tmp_path / "fresh.csv"
    assert predict(Workspace(tmp_path), str(model), source, fresh, **given).rows == done.rows
    assert fresh.read_bytes() == target.read_bytes()


def test_two_do_not_write_the_same_file(saved_model: Path, tmp_path: Path) -> None:
    (tmp_path / ".b.csv.partial").mkdir()
    with (
        FileLock(tmp_path / ".b.csv.partial" / "lock"),
        pytest.raises(WorkspaceError, match=r"b.csv is being written by another process; wait for it, or name"),
    ):
        predict(Workspace(tmp_path), str(saved_model), table(tmp_path / "a.csv", 9), tmp_path / "b.csv", **TEXT)


def test_a_finished_scoring_that_was_not_cleared_away_is_finished(saved_model: Path, tmp_path: Path) -> None:
    source, target = table(tmp_path / "a.csv", 30), tmp_path / "b.csv"

    def track(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
        yield from items
        shutil.copytree(tmp_path / ".b.csv.partial", tmp_path / "all")  # three whole chunks, and their record

    predict(Workspace(tmp_path), str(saved_model), source, target, track=track, chunk=TEN, **TEXT)
    assert json.loads((tmp_path / "all" / "progress.json").read_text())["progress"]["chunks"] == 3
    whole = target.read_bytes()
    target.unlink()
    (tmp_path / "all").rename(tmp_path / ".b.csv.partial")
    rejects = tmp_path / "b.csv.rejects.csv"
    again = predict(Workspace(tmp_path), str(saved_model), source, target, chunk=TEN, **TEXT)
    assert again == Scored(25, 5, rejects)
    assert target.read_bytes() == whole
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b.csv", "b.csv.rejects.csv"}


def test_memory_does_not_grow_with_the_rows(saved_model: Path, tmp_path: Path) -> None:
    sources = [table(tmp_path / f"{rows}.parquet", rows) for rows in (500, 5_000)]
    targets = [tmp_path / "b.parquet", tmp_path / "c.parquet"]
    scored_both = to_the_end(saved_model, sources[0], targets[0], sources[1], targets[1])
    few, many = (memory for _, _, memory in scored_both)
    assert many < few + 30, f"{few} MB after 500 rows, {many} MB after 5,000"
