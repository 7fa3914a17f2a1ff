"""Kept units: whole or not there, and each claimed by one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.targets.numbers import NUMBERS
from finetrail.units.store import Store

CODEC = NUMBERS.codec({"mean": 0.0, "std": 1.0})
VAL = pd.DataFrame({"id": ["a", "b"], "label": [1.0, 2.0], "group": [None, None]})
DESCRIBED: dict[str, Any] = {"val": {"rmse": 0.5}, "target": {"mean": 0.0, "std": 1.0}, "rows": 7, "seconds": 1.5}
DESCRIBED |= {
    "settings": {"seed": "0"},
    "parameters": {"total": 3},
    "held_out": {},
    "curve": [{"step": 1.0, "rmse": 0.5}],
}


def keep(store: Store) -> None:
    answers = np.array([[1.5], [2.5]], dtype=np.float32)
    store.write("key", VAL, CODEC, answers, DESCRIBED)


def test_what_is_kept_is_read_back_and_its_checkpoints_are_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.checkpoints("key").mkdir()
    assert not store.has("key")
    keep(store)
    assert store.has("key")
    assert not store.checkpoints("key").exists()
    found = store.read("key")
    assert (found.val, found.rows, found.seconds) == ({"rmse": 0.5}, 7, 1.5)
    assert found.frame["prediction"].tolist() == [1.5, 2.5]
    assert found.frame["id"].tolist() == ["a", "b"]


@pytest.mark.parametrize("damage", ["answers", "description"])
def test_what_is_damaged_is_not_there_and_says_so(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    keep(store)
    file = tmp_path / f"key.{'parquet' if damage == 'answers' else 'json'}"
    file.write_bytes(file.read_bytes()[:-9])
    assert not store.has("key")
    assert caplog.messages == ["key is damaged: that unit is trained again"]
    keep(store)
    assert store.has("key")


def test_checkpoints_that_outlived_the_unit_are_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store)
    store.checkpoints("key").mkdir()
    assert store.has("key")
    assert not store.checkpoints("key").exists()


def test_without_its_description_a_unit_was_cut_off(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store)
    (tmp_path / "key.json").unlink()
    assert not store.has("key")


def test_a_unit_is_claimed_by_one_process_and_freed_by_its_death(tmp_path: Path) -> None:
    store = Store(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from finetrail.units.store import Store\n"
        "with Store(Path(sys.argv[1])).claimed('key') as mine: print(mine, flush=True); time.sleep(600)"
    )
    with store.claimed("other") as mine:
        assert mine
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with store.claimed("key") as mine:
            assert not mine
        holder.kill()
        holder.wait()
    with store.claimed("key") as mine:
        assert mine
