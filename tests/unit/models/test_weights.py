"""Weights on disk: whole or not at all, and refused in one line where they do not fit."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from finetrail.errors import ModelError
from finetrail.models.weights import load_tensors, load_weights, save_tensors, trainable_tensors


def saved(tmp_path: Path, tensors: dict[str, Tensor]) -> Path:
    path = tmp_path / "deep" / "a.safetensors"
    save_tensors(tensors, path)
    return path


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(3, 4),
        torch.randn(3, 4).T,  # not contiguous
        torch.randn(2).bfloat16(),
        torch.tensor([1, 2**40]),
        torch.tensor(float("nan")),
        torch.zeros(0, 3),
        nn.Parameter(torch.randn(2)),
    ],
)
def test_tensors_come_back_bit_for_bit(tmp_path: Path, tensor: Tensor) -> None:
    back = load_tensors(saved(tmp_path, {"a.b": tensor}))["a.b"]
    assert back.dtype == tensor.dtype
    torch.testing.assert_close(back, tensor.detach(), rtol=0, atol=0, equal_nan=True)


def test_equal_tensors_are_equal_bytes_and_nothing_lies_beside_them(tmp_path: Path) -> None:
    first = saved(tmp_path, {"a": torch.ones(3), "b": torch.zeros(2)}).read_bytes()
    path = saved(tmp_path, {"b": torch.zeros(2), "a": torch.ones(3)})
    assert path.read_bytes() == first
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = saved(tmp_path, {"a": torch.ones(3)})
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        save_tensors({"a": torch.ones(3, device="meta")}, path)
    assert torch.equal(load_tensors(path)["a"], torch.ones(3))


@pytest.mark.parametrize("size", [0, 4, 40, 90])
def test_a_torn_file_is_refused(tmp_path: Path, size: int) -> None:
    path = saved(tmp_path, {"a": torch.ones(30)})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(
        ModelError, match=r"a\.safetensors is not a complete safetensors file \(.*\); `dvc checkout` res"
    ) as caught:
        load_tensors(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.safetensors does not exist; `dvc checkout` restores a tracked model"):
        load_tensors(tmp_path / "none.safetensors")
    torch.save({"a": torch.ones(3)}, tmp_path / "pickle.safetensors")
    with pytest.raises(ModelError, match=r"pickle\.safetensors is not a complete safetensors file"):
        load_tensors(tmp_path / "pickle.safetensors")


@pytest.mark.parametrize(
    ("tensors", "cause"),
    [
        ({"weight": torch.ones(2, 3), "bias": torch.ones(9)}, "size mismatch for bias"),
        ({"weight": torch.ones(2, 3)}, 'Missing key.s. in state_dict: "bias"'),
        (
            {"weight": torch.ones(2, 3), "bias": torch.ones(2), "x": torch.ones(1)},
            'Unexpected key.s. in state_dict: "x"',
        ),
    ],
)
def test_weights_of_another_model_are_refused_in_one_line(
    tmp_path: Path, tensors: dict[str, Tensor], cause: str
) -> None:
    with pytest.raises(ModelError, match=rf"does not fit its configuration \(.*{cause}.*\); train or") as caught:
        load_weights(nn.Linear(3, 2), saved(tmp_path, tensors))
    assert "\n" not in str(caught.value)


def test_weights_that_fit_are_put_in(tmp_path: Path) -> None:
    one, two = nn.Linear(3, 2), nn.Linear(3, 2)
    load_weights(two, saved(tmp_path, dict(one.state_dict())))
    assert torch.equal(two.weight, one.weight)
    assert torch.equal(two.bias, one.bias)


def test_what_training_changes_is_the_trainable_parameters_and_the_running_statistics() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    model.register_buffer("constant", torch.ones(1), persistent=False)
    model[0].requires_grad_(False)
    norm = {f"1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert set(trainable_tensors(model)) == {*norm, "2.weight", "2.bias"}
