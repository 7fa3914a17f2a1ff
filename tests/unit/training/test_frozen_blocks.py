"""Frozen blocks that are computed once: the same training, to the bit where nothing is padded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finetrail.models.backbone_settings import TextBackbone
from torch import Tensor, nn

from finetrail.adaptation.full import Full
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.lora import Lora
from finetrail.inference.batching import grouped_batches
from finetrail.inference.predict import predict
from finetrail.models.blocks import backbone_blocks, checkpoint_blocks
from finetrail.models.inputs import Inputs
from finetrail.models.network import Network
from finetrail.tasks.registry import get_task
from finetrail.training import block_outputs
from finetrail.training.frozen_blocks import find_prefix
from finetrail.training.left_out import FrozenPrefix
from tests.unit.models.networks import BUILD, Images, classifier, images, loaded

TEXTS = ["good fine great door", "bad", "the superb house of stone by", "sad awful weak cloud river", "poor", "a"]
LAST = LastLayers(method="last_layers", layers=1)
Case = tuple[Network, Inputs]


def text(encoder_folder: Path, **given: Any) -> Case:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = TextBackbone(weights=str(encoder_folder), **({"max_tokens": 16, "dropout": 0.0} | given))
        built = get_task("text-classification").build(backbone, ["bad", "good"], Path())
    return built.model, built.processor.encode(TEXTS)


def found(model: Network, inputs: Inputs) -> FrozenPrefix:
    prefix = find_prefix(model, inputs)
    assert prefix is not None
    return prefix


def trained(model: Network, inputs: Inputs, batch_size: int = 4) -> np.ndarray:
    """The logits of each step. Sorts as the loop does, so that batches are the same whatever the inputs hold."""
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.05)
    seen = []
    for epoch in range(3):
        model.train()
        for indices in grouped_batches(inputs.lengths, batch_size, epoch):
            torch.manual_seed(epoch)
            logits = model(inputs.batch(indices))
            nn.functional.cross_entropy(logits, torch.tensor(indices) % 2).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            seen.append(logits.detach().numpy())
    return np.concatenate(seen)


def weights(model: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("adaptation", [LAST, Lora(method="lora", target_modules=("layer.1.attention.self.query",))])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_texts_train_the_same_from_the_output_of_the_frozen_blocks(
    encoder_folder: Path, adaptation: Any, dropout: float
) -> None:
    plain, inputs = text(encoder_folder, dropout=dropout)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        adaptation.apply(plain)
    expected = trained(plain, inputs)
    model, inputs = text(encoder_folder, dropout=dropout)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        adaptation.apply(model)
    names = list(model.state_dict())
    prefix = found(model, inputs)
    short = prefix.compute(inputs, 2)
    assert short.lengths == inputs.lengths
    assert not short.varies
    batch = short.batch([3, 1])
    assert batch.keys() == {"input_ids", "attention_mask", "prefix"}
    assert not batch["prefix"][1, inputs.lengths[1] :].any()
    with prefix.replayed():
        assert list(model.state_dict()) == names
        np.testing.assert_allclose(trained(model, short), expected, rtol=1e-4, atol=1e-5)
    after = weights(plain)
    for name, tensor in weights(model).items():
        torch.testing.assert_close(tensor, after[name], rtol=1e-4, atol=1e-5)


def resnet18() -> Network:
    return classifier(loaded("resnet18"))


NETWORKS: dict[str, Callable[[], Network]] = {"resnet18": resnet18, **BUILD}


@pytest.mark.parametrize("network", list(NETWORKS))
def test_images_train_the_same_to_the_bit(network: str) -> None:
    inputs = images(11)
    plain = NETWORKS[network]()
    LAST.apply(plain)
    expected = trained(plain, inputs)
    model = NETWORKS[network]()
    LAST.apply(model)
    prefix = found(model, inputs)
    short = prefix.compute(inputs, 4)  # in other batches than in training
    with prefix.replayed():
        np.testing.assert_allclose(trained(model, short), expected, rtol=1e-5, atol=1e-6)
        same = prefix.compute(inputs, 11)
        batch, whole = same.batch(range(11)), inputs.batch(range(11))
        for mode in (True, False):
            kept = weights(model)
            one = model.train(mode)(batch)
            model.load_state_dict(kept)
            assert torch.equal(one, model.train(mode)(whole))
            model.load_state_dict(kept)


def test_a_stem_that_need_not_run_gets_no_images() -> None:
    model = resnet18()
    LAST.apply(model)
    prefix = found(model, images())
    short = prefix.compute(images(), 3)
    assert short.batch([0, 1])["pixels"].shape == (2, 1, 1, 1)
    assert short.batch([5])["prefix"].shape == (1, 512, 1, 1)
    assert short.batch([5])["prefix"].is_contiguous(memory_format=torch.channels_last)


def test_only_the_frozen_blocks_are_left_out() -> None:
    model = resnet18()
    LastLayers(method="last_layers", layers=3).apply(model)
    prefix = found(model, images())
    blocks = [block for _, block in backbone_blocks(model.backbone)]
    assert list(prefix.blocks) == blocks[:5]
    run: list[nn.Module] = []
    for block in blocks:
        block.layers_run = block.bn1.register_forward_hook(lambda module, given, output: run.append(module))  # type: ignore[assignment, union-attr]
    short = prefix.compute(images(), 8)
    assert run == [block.bn1 for block in blocks[:5]]  # nor does what stands behind run for nothing
    run.clear()
    with prefix.replayed():
        model(short.batch([0, 1]))
    assert run == [block.bn1 for block in blocks[5:]]


def test_a_batch_without_a_prefix_goes_the_whole_way(encoder_folder: Path) -> None:
    for model, inputs in (text(encoder_folder), (resnet18(), images())):
        LAST.apply(model)
        expected = predict(model, inputs, 3)
        prefix = found(model, inputs)
        with prefix.replayed():
            assert (predict(model, inputs, 3) == expected).all()
        assert (predict(model, inputs, 3) == expected).all()
        assert not [module for module in model.modules() if "forward" in vars(module)]


def test_looking_for_a_prefix_leaves_the_model_and_the_random_numbers_alone(encoder_folder: Path) -> None:
    for model, inputs in (text(encoder_folder, dropout=0.3), (resnet18(), images())):
        LAST.apply(model)
        model.train()
        before, modes = weights(model), [module.training for module in model.modules()]
        torch.manual_seed(3)
        expected = torch.rand(1)
        torch.manual_seed(3)
        found(model, inputs).compute(inputs, 3)
        assert torch.equal(torch.rand(1), expected)
        assert [module.training for module in model.modules()] == modes
        assert all(torch.equal(tensor, before[name]) for name, tensor in weights(model).items())


def test_checkpointing_goes_together_with_a_prefix(encoder_folder: Path) -> None:
    results = []
    for checkpointed in (False, True):
        model, inputs = text(encoder_folder)
        LAST.apply(model)
        if checkpointed:
            checkpoint_blocks(model.backbone)
        prefix = found(model, inputs)
        with prefix.replayed():
            results.append(trained(model, prefix.compute(inputs, 2)))
    assert (results[0] == results[1]).all()


def test_the_type_that_a_block_gives_is_kept() -> None:
    model = resnet18()
    LAST.apply(model)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        prefix = found(model, images())
        short = prefix.compute(images(), 8)
        model.eval()
        with prefix.replayed():
            assert short.batch([0])["prefix"].dtype == torch.bfloat16
            assert torch.equal(model(short.batch(range(8))), model(images().batch(range(8))))


def test_what_is_too_large_for_memory_stands_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = resnet18()
    LAST.apply(model)
    prefix = found(model, images())
    small = prefix.compute(images(), 8, scratch=tmp_path / "unused")
    monkeypatch.setattr(block_outputs, "IN_MEMORY", 1000)
    large = prefix.compute(images(), 8, scratch=tmp_path / "used")
    assert (small.kept._mapped is None, large.kept._mapped is None) == (True, False)
    assert list((tmp_path / "used").iterdir()) == []
    assert torch.equal(small.batch([4, 2])["prefix"], large.batch([4, 2])["prefix"])


class Varying(Images):
    @property
    def varies(self) -> bool:
        return True


def test_none_where_everything_trains_or_inputs_vary(encoder_folder: Path) -> None:
    model, inputs = text(encoder_folder)
    assert find_prefix(model, inputs) is None
    Full(method="full").apply(model)
    assert find_prefix(model, inputs) is None
    network = resnet18()
    LastLayers(method="last_layers", layers=9).apply(network)
    assert find_prefix(network, images()) is None  # the stem alone is no block
    LAST.apply(network)
    assert find_prefix(network, Varying(images().pixels)) is None
    assert find_prefix(network, Images(images().pixels[:0])) is None
