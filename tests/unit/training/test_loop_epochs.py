"""What changes from epoch to epoch: the augmentations, and what is frozen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from finetrail.adaptation.full import Full
from finetrail.evaluation.scores.metric import Point
from finetrail.inference.predict import Kept
from finetrail.models.inputs import targets_of
from finetrail.models.network import Batch, Network
from finetrail.models.weights import load_tensors
from tests.unit.training.toys import Points, distance, new_model, points, train


@dataclass(frozen=True)
class Shaken(Points):
    """Points that move by the batch's seed."""

    heard: list[tuple[tuple[int, ...], int | None]] = field(default_factory=list)

    @property
    def varies(self) -> bool:
        return True

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        self.heard.append((tuple(indices), seed))
        x = self.x[list(indices)]
        if seed is not None:
            x = x + torch.randn(x.shape, generator=torch.Generator().manual_seed(seed % 2**63))
        return {"x": x} | targets_of(self, indices)


def shaken() -> Shaken:
    still = points(96, 1)
    return Shaken(still.x, still.targets)


def test_each_batch_of_each_epoch_is_shaken_by_a_seed_of_its_own_that_the_runs_seed_decides(tmp_path: Path) -> None:
    inputs, again, other = shaken(), shaken(), shaken()
    first = train(tmp_path, epochs=3, batch_size=16, inputs=inputs)
    assert distance(first, train(tmp_path, epochs=3, batch_size=16, accumulate=1, inputs=again)) == 0
    assert distance(first, train(tmp_path, epochs=3, batch_size=16, seed=1, inputs=other)) > 0
    drawn = [seed for _, seed in inputs.heard]
    assert len(drawn) == 18
    assert len({*drawn, *(seed for _, seed in other.heard)}) == 36
    assert None not in drawn
    assert inputs.heard == again.heard


def test_small_batches_have_seeds_of_their_own_too(tmp_path: Path) -> None:
    inputs = shaken()
    train(tmp_path, epochs=2, batch_size=8, accumulate=3, inputs=inputs)
    assert len({seed for _, seed in inputs.heard}) == 24


def test_what_was_frozen_for_a_while_is_in_the_best_epochs_file(tmp_path: Path) -> None:
    model = new_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    heard: list[int] = []
    frozen: list[dict[str, Tensor]] = []

    class FromTheThird(Full):
        def start_epoch(self, model: Network, epoch: int) -> None:
            heard.append(epoch)
            frozen.append({name: tensor.clone() for name, tensor in model.backbone.state_dict().items()})
            model.backbone.requires_grad_(epoch > 2)

    scores = iter([0.1, 0.2, 0.9, 0.3])

    def score(kept: Kept) -> Point:
        return {"macro_f1": next(scores)}

    run = train(tmp_path, epochs=4, model=model, method=FromTheThird(method="full"), weight_decay=0.1, score=score)
    assert heard == [1, 2, 3, 4]
    name = "backbone.layer.weight"
    # Neither gradient nor decay moved it while it was frozen.
    assert all(torch.equal(seen["layer.weight"], before[name]) for seen in frozen[:3])
    assert not torch.equal(frozen[3]["layer.weight"], before[name])
    assert run.fitted.best_epoch == 3
    assert torch.equal(model.state_dict()[name], frozen[3]["layer.weight"])
    (best,) = tmp_path.glob("best-*.safetensors")
    assert set(load_tensors(best)) == set(before)
