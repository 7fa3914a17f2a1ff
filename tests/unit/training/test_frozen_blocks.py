"""Frozen blocks that are computed once: the same training, to the bit where nothing is padded."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetrail.adaptation.full import Full
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.lora import Lora
from finetrail.contents.text.settings import TextBackbone
from finetrail.inference.batching import grouped_batches
from finetrail.models.blocks import backbone_blocks, checkpoint_blocks
from finetrail.models.inputs import Inputs
from finetrail.models.network import Network
from finetrail.targets.per_row import RowTargets
from finetrail.training.block_outputs import BLOCK_OUTPUT
from finetrail.training.frozen_blocks import find_frozen_blocks
from finetrail.training.left_out import FrozenBlocks
from tests.unit.models.networks import BUILD, Images, answers, classifier, images, loaded, text_classifier

pytestmark = pytest.mark.slow

TEXTS = ["good fine great door", "bad", "the superb house of stone by", "sad awful weak cloud river", "poor", "a"]
LAST = LastLayers(method="last_layers", layers=1)
Case = tuple[Network, Inputs]


def text(encoder_folder: Path, **given: Any) -> Case:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = TextBackbone(weights=str(encoder_folder), **({"max_tokens": 16, "dropout": 0.0} | given))
        built = text_classifier(backbone)
    return built.model, built.processor.encode(TEXTS)


def found(model: Network, inputs: Inputs) -> FrozenBlocks:
    frozen = find_frozen_blocks(model, inputs)
    assert frozen is not None
    return frozen


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
    frozen = found(model, inputs)
    short = frozen.compute(inputs, 2)
    assert short.lengths == inputs.lengths
    assert not short.varies
    batch = short.batch([3, 1])
    assert batch.keys() == {"input_ids", "attention_mask", BLOCK_OUTPUT}
    assert not batch[BLOCK_OUTPUT][1, inputs.lengths[1] :].any()
    with frozen.left_out():
        assert list(model.state_dict()) == names
        np.testing.assert_allclose(trained(model, short), expected, rtol=1e-4, atol=1e-5)
    after = weights(plain)
    for name, tensor in weights(model).items():
        torch.testing.assert_close(tensor, after[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_decoders_train_the_same_from_the_output_of_the_frozen_blocks(
    decoders: Mapping[str, TextBackbone], kind: str
) -> None:
    weights = Path(decoders[kind].weights)
    plain, inputs = text(weights)
    LAST.apply(plain)
    model, _ = text(weights)
    LAST.apply(model)
    frozen = found(model, inputs)
    with frozen.left_out():
        np.testing.assert_allclose(
            trained(model, frozen.compute(inputs, 2)), trained(plain, inputs), rtol=1e-4, atol=1e-5
        )


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
    frozen = found(model, inputs)
    short = frozen.compute(inputs, 4)  # in other batches than in training
    with frozen.left_out():
        np.testing.assert_allclose(trained(model, short), expected, rtol=1e-5, atol=1e-6)
        same = frozen.compute(inputs, 11)
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
    frozen = found(model, images())
    short = frozen.compute(images(), 3)
    assert short.batch([0, 1])["pixels"].shape == (2, 1, 1, 1)
    assert short.batch([5])[BLOCK_OUTPUT].shape == (1, 512, 1, 1)
    assert short.batch([5])[BLOCK_OUTPUT].is_contiguous(memory_format=torch.channels_last)


def test_only_the_frozen_blocks_are_left_out() -> None:
    model = resnet18()
    LastLayers(method="last_layers", layers=3).apply(model)
    frozen = found(model, images())
    blocks = [block for _, block in backbone_blocks(model.backbone)]
    assert list(frozen.blocks) == blocks[:5]
    run: list[nn.Module] = []
    for block in blocks:
        block.layers_run = block.bn1.register_forward_hook(lambda module, given, output: run.append(module))  # type: ignore[assignment, union-attr]
    short = frozen.compute(images(), 8)
    assert run == [block.bn1 for block in blocks[:5]]  # nor does what stands behind run for nothing
    run.clear()
    with frozen.left_out():
        model(short.batch([0, 1]))
    assert run == [block.bn1 for block in blocks[5:]]


def test_a_batch_without_the_blocks_output_goes_the_whole_way(encoder_folder: Path) -> None:
    for model, inputs in (text(encoder_folder), (resnet18(), images())):
        LAST.apply(model)
        expected = answers(model, inputs, 3)
        frozen = found(model, inputs)
        with frozen.left_out():
            assert (answers(model, inputs, 3) == expected).all()
        assert (answers(model, inputs, 3) == expected).all()
        assert not [module for module in model.modules() if "forward" in vars(module)]


def test_looking_for_frozen_blocks_leaves_the_model_and_the_random_numbers_alone(encoder_folder: Path) -> None:
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


def test_checkpointing_goes_together_with_frozen_blocks(encoder_folder: Path) -> None:
    results = []
    for checkpointed in (False, True):
        model, inputs = text(encoder_folder)
        LAST.apply(model)
        if checkpointed:
            checkpoint_blocks(model.backbone)
        frozen = found(model, inputs)
        with frozen.left_out():
            results.append(trained(model, frozen.compute(inputs, 2)))
    assert (results[0] == results[1]).all()


def test_the_type_that_a_block_gives_is_kept() -> None:
    model = resnet18()
    LAST.apply(model)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        frozen = found(model, images())
        short = frozen.compute(images(), 8)
        model.eval()
        with frozen.left_out():
            assert short.batch([0])[BLOCK_OUTPUT].dtype == torch.bfloat16
            assert torch.equal(model(short.batch(range(8))), model(images().batch(range(8))))


def test_targets_are_those_of_the_inputs(encoder_folder: Path) -> None:
    for model, inputs in (text(encoder_folder), (resnet18(), images(6))):
        LAST.apply(model)
        known = inputs.labelled(RowTargets(torch.arange(6)))
        short = found(model, known).compute(known, 2)
        assert short.batch([4, 0])["targets"].tolist() == [4, 0]
        assert short.labelled(RowTargets(-torch.arange(6))).batch([4, 0])["targets"].tolist() == [-4, 0]
        assert list(short.rows) == list(inputs.rows)


def test_what_is_too_large_for_memory_stands_in_a_file(tmp_path: Path) -> None:
    model = resnet18()
    LAST.apply(model)
    frozen = found(model, images())
    small = frozen.compute(images(), 8, scratch=tmp_path / "unused")
    large = frozen.compute(images(), 8, scratch=tmp_path / "used", in_memory=1000)
    assert (small.kept.in_memory, large.kept.in_memory) == (True, False)
    assert list((tmp_path / "used").iterdir()) == []
    assert torch.equal(small.batch([4, 2])[BLOCK_OUTPUT], large.batch([4, 2])[BLOCK_OUTPUT])


class Varying(Images):
    @property
    def varies(self) -> bool:
        return True


def test_none_where_everything_trains_or_inputs_vary(encoder_folder: Path) -> None:
    model, inputs = text(encoder_folder)
    assert find_frozen_blocks(model, inputs) is None
    Full(method="full").apply(model)
    assert find_frozen_blocks(model, inputs) is None
    network = resnet18()
    LastLayers(method="last_layers", layers=9).apply(network)
    assert find_frozen_blocks(network, images()) is None  # the stem alone is no block
    LAST.apply(network)
    assert find_frozen_blocks(network, Varying(images().pixels)) is None
    assert find_frozen_blocks(network, Images(images().pixels[:0])) is None
