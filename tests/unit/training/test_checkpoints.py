"""Checkpoints are whole or absent, and the newest whole one is found."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.errors import ModelError
from finetrail.training.checkpoints import KEPT, Checkpoints


def save(checkpoints: Checkpoints, *steps: int) -> None:
    for step in steps:
        best = checkpoints.save_best(step, {"w": torch.tensor([float(step)])})
        checkpoints.save(step, {"a": torch.arange(step)}, {"step": step, "best": best})


def test_the_newest_is_found_with_all_that_it_held(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "new").newest() is None
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 9, 10)
    found = Checkpoints(tmp_path).newest()
    assert found is not None
    assert found.state["step"] == 10
    assert torch.equal(found.tensors["a"], torch.arange(10))
    assert checkpoints.load_best(found.state["best"])["w"].item() == 10


def test_old_ones_go_and_the_best_weights_that_are_spoken_of_stay(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    for step in range(2, 6):
        best = next(tmp_path.glob("best-000000001-*")).name
        checkpoints.save(step, {}, {"step": step, "best": best})
    (tmp_path / "unnamed.partial").write_bytes(b"half")  # of a crash
    save(checkpoints, 6)
    names = sorted(path.name.rsplit("-", 1)[0] for path in tmp_path.iterdir())
    assert names == ["best-000000001", "best-000000006", "step-000000005", "step-000000006"]
    assert len(list(tmp_path.glob("step-*"))) == KEPT


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_damage_of_the_newest_is_seen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    save(Checkpoints(folder), 1, 2)
    path = next(folder.glob(data.draw(st.sampled_from(["step-000000002-*", "best-000000002-*"]))))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    found = Checkpoints(folder).newest()
    assert found is not None
    assert found.state["step"] == 1


def test_missing_best_weights_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"best-1-a\.safetensors is missing or damaged; remove .* and train again$"):
        Checkpoints(tmp_path).load_best("best-1-a.safetensors")
