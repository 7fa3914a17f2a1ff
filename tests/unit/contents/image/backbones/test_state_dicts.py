"""Weights that others wrote: nothing in them runs, and what does not fit whole is refused in one line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from finetrail.contents.image.backbones.state_dicts import put_in, read_state
from finetrail.errors import ModelError


def network() -> nn.Sequential:
    """A backbone of two convolutions, the second of the same shape as the third, and a norm."""
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1))


def weights(head: str = "") -> dict[str, Tensor]:
    """Random tensors of such a backbone, with a head of 7 classes if it has a name."""
    torch.manual_seed(1)
    state = {
        name: torch.randn_like(tensor) if tensor.is_floating_point() else tensor + 5
        for name, tensor in network().state_dict().items()
    }
    return state | ({f"{head}.weight": torch.randn(7, 4), f"{head}.bias": torch.randn(7)} if head else {})


def renamed(state: dict[str, Tensor], change: Callable[[str], str]) -> dict[str, Tensor]:
    return {change(name): tensor for name, tensor in state.items()}


def put(state: dict[str, Tensor], match: Any = "name", heads: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The network's tensors after the file's were put in."""
    into = network()
    put_in(into, "weights.pt", state, match, heads)
    return dict(into.state_dict())


def refusal(state: dict[str, Tensor], match: Any = "name") -> str:
    into = network()
    before = {name: tensor.clone() for name, tensor in into.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        put_in(into, "pypi://a==1/weights.pt#sha256=00", state, match)
    assert all(torch.equal(into.state_dict()[name], tensor) for name, tensor in before.items())
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("'pypi://a==1/weights.pt' does not fit this backbone: ")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in network().state_dict())


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "backbone.", "encoder.", "module.model.backbone."])
@pytest.mark.parametrize("head", ["", "fc", "classifier.1", "aux_classifier.4", "head"])
@pytest.mark.parametrize("match", ["name", "order"])
def test_wrappers_and_heads_are_left_out(prefix: str, head: str, match: str) -> None:
    state = weights(head)
    assert same(put(renamed(state, lambda name: prefix + name), match), state)
    # A head beside the backbone rather than in it, as in self-supervised training.
    beside = renamed(state, lambda name: name if head and name.startswith(head) else prefix + name)
    assert same(put(beside, match), state)


def test_a_head_that_the_library_names_in_its_own_way_is_left_out() -> None:
    state = weights("top.out")
    assert same(put(state, heads=("top.out",)), state)
    assert refusal(state).startswith("2 of its tensors have no place there, such as top.out.weight (7, 4); ")


def test_counters_that_older_files_lack_are_not_missed() -> None:
    state = {name: tensor for name, tensor in weights("fc").items() if "num_batches" not in name}
    for match in ("name", "order"):
        loaded = put(state, match)
        assert loaded["1.num_batches_tracked"] == 0
        assert torch.equal(loaded["1.running_var"], state["1.running_var"])


def test_names_of_their_own_are_matched_in_order() -> None:
    foreign = renamed(weights("_fc"), lambda name: "block_" + name.replace(".", "_x."))
    assert same(put(foreign, "order"), weights())
    assert refusal(foreign) == (
        "it has no 0.weight (4, 3, 1, 1); all of its tensors do fit in order, though: set backbone.match to `order`"
    )


def test_half_precision_is_taken_in_full_precision() -> None:
    state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights().items()}
    assert put(state)["0.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "match", "fault"),
    [
        (lambda state: state.pop("2.bias"), "name", "it has no 2.bias (4,); set backbone.name"),
        (lambda state: state.pop("2.bias"), "order", "it holds 9 tensors, the backbone 10; set backbone.name"),
        (
            lambda state: state.update({"3.weight": torch.ones(4, 9)}),
            "name",
            "it has 3.weight (4, 9), where 3.weight (4, 4, 1, 1) belongs; set backbone.name",
        ),
        (
            lambda state: state.update({"3.weight": torch.ones(4, 9)}),
            "order",
            "tensor 9 is 3.weight (4, 9), where 3.weight (4, 4, 1, 1) belongs; set backbone.name",
        ),
        # A deeper network of the same family holds all that a shallower one wants.
        (
            lambda state: state.update({"4.weight": torch.ones(4, 4, 1, 1), "4.bias": torch.ones(4)}),
            "name",
            "2 of its tensors have no place there, such as 4.weight (4, 4, 1, 1); set backbone.name",
        ),
        (
            lambda state: state.update({"4.weight": torch.ones(4, 4, 1, 1), "4.bias": torch.ones(4)}),
            "order",
            "it holds 12 tensors, the backbone 10; set backbone.name",
        ),
        # Of the same shape, but another thing.
        (
            lambda state: state.update({"1.bias": state.pop("1.running_mean"), "1.running_mean": state.pop("1.bias")}),
            "order",
            "tensor 4 is 1.running_var (4,), where 1.bias (4,) belongs",
        ),
        (lambda state: state.clear(), "name", "it has no 0.weight"),
        (lambda state: state.clear(), "order", "it holds 0 tensors, the backbone 10"),
    ],
)
def test_weights_of_another_network_are_refused_and_none_is_put_in(
    change: Callable[[dict[str, Tensor]], object], match: str, fault: str
) -> None:
    state = weights()
    change(state)
    message = refusal(state, match)
    assert message.startswith(fault)
    assert "set backbone.match" not in message


@pytest.mark.parametrize("container", [(), ("state_dict",), ("model",), ("model_state_dict",), ("state_dict", "model")])
def test_a_state_dict_of_torch_is_read_out_of_its_containers(tmp_path: Path, container: tuple[str, ...]) -> None:
    content: dict[str, Any] = dict(weights())
    for name in container:
        content = {"epoch": 3, name: content}
    torch.save(content, tmp_path / "a.pth")
    found = read_state("a.pth", tmp_path / "a.pth")
    assert found.keys() == weights().keys()
    assert same(found, weights())


def test_safetensors_are_read_by_file_or_by_folder(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "model.safetensors")
    assert same(read_state("x", tmp_path / "model.safetensors"), weights())
    assert same(read_state("x", tmp_path), weights())
    save_file(weights(), tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="'x' is a folder with 2 safetensors files; name the one to load"):
        read_state("x", tmp_path)


class Poison:
    """What runs a command when it is unpickled."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.touched,))


def test_a_poisoned_file_is_refused_and_does_nothing(tmp_path: Path) -> None:
    torch.save({"state_dict": weights(), "extra": Poison(tmp_path / "touched")}, tmp_path / "bad.pt")
    torch.load(tmp_path / "bad.pt", weights_only=False)
    assert (tmp_path / "touched").exists(), "the poison works on those who take it"
    (tmp_path / "touched").unlink()
    with pytest.raises(ModelError, match=r"'bad\.pt' cannot be read as plain tensors \(UnpicklingError: ") as caught:
        read_state("bad.pt", tmp_path / "bad.pt")
    assert "nothing in it was run; save its state dict, preferably as safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "touched").exists()


def test_a_whole_pickled_model_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "model.pt")
    with pytest.raises(ModelError, match=r"cannot be read as plain tensors"):
        read_state("model.pt", tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "cannot be read as plain tensors"),
        (b"these are no weights", "cannot be read as plain tensors"),
        (b"PK\x03\x04 torn", "cannot be read as plain tensors"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, content: bytes, error: str) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(f"'a.pt' {error} (")):
        read_state("a.pt", tmp_path / "a.pt")


@pytest.mark.parametrize("content", [{"epoch": 3}, [torch.ones(2)], torch.ones(3), {}])
def test_a_file_without_named_tensors_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="holds no named tensors; save a model's state dict"):
        read_state("a.pt", tmp_path / "a.pt")
