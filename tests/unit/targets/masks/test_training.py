"""Every adaptation trains a decoder on maps of a pyramid; what it froze stays as it was. So with too little memory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetrail.adaptation.full import Full
from finetrail.adaptation.gradual_unfreeze import GradualUnfreeze
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.contents.image import FINE_PYRAMID
from finetrail.contents.image.backbone import load_pretrained
from finetrail.contents.image.fitted.settings import PlacedAugment, PyramidBackboneSettings
from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import predict
from finetrail.models.network import Batch, Network, rows
from finetrail.models.weights import load_weights, save_tensors
from finetrail.targets.masks import MASKS
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.learning import MaskLearning
from finetrail.targets.masks.training import Decoder, MaskTraining
from finetrail.targets.target import metric_named
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records
from tests.drawn import MASKED, drawn, mask_of, png

pytestmark = pytest.mark.slow

LEARNING = MaskLearning(MaskCodec(MASKED, "fpn", 64))
DECODERS: dict[str, Decoder] = {
    "linear_probe": "fpn",
    "last_layers": "deeplabv3",
    "gradual_unfreeze": "unet",
    "lora": "lraspp",
    "full": "segformer",
    "layer-wise rates": "deeplabv3plus",
}
SHAPES = [drawn(seed, (64, 48)) for seed in range(1, 5)]
LABELS = [LEARNING.codec.answer(np.asarray(mask_of(boxes, (64, 48)))) for _, boxes in SHAPES]
METHODS: dict[str, tuple[Adaptation, dict[str, Any]]] = {
    "linear_probe": (LinearProbe(method="linear_probe"), {}),
    "last_layers": (LastLayers(method="last_layers", layers=1), {}),
    "gradual_unfreeze": (GradualUnfreeze(method="gradual_unfreeze"), {}),
    "lora": (Lora(method="lora", r=4, alpha=8), {}),
    "full": (Full(method="full"), {}),
    "layer-wise rates": (Full(method="full"), {"layer_decay": 0.5}),
}


@dataclass(frozen=True)
class Works:
    """A model of masks and four images for it."""

    learning: MaskLearning
    model: Network
    inputs: Any

    @classmethod
    def new(cls, decoder: Decoder = "fpn", augment: PlacedAugment | None = None) -> "Works":
        torch.manual_seed(0)
        settings = PyramidBackboneSettings(name="timm/test_resnet", weights="random", image_size=64)
        loaded = load_pretrained(settings, Path(), FINE_PYRAMID, ["image"])
        inputs: Any = loaded.processor.encode([png(image) for image, _ in SHAPES], augment=augment)
        learning = MaskLearning(MaskCodec(MASKED, decoder, 64))
        model = Network(loaded.network, learning.head(loaded.width))
        return cls(learning, model, inputs.labelled(learning.encode(LABELS, inputs)))

    def train(self, folder: Path, method: Adaptation, **settings: Any) -> list[float]:
        """Returns: the loss of each step."""
        fixed = {"precision": "fp32", "warmup": 0.0, "epochs": 4, "batch_size": 4, "log_every": 1}
        checkpoints = Checkpoints(folder)
        fitted = fit(
            self.model,
            {name: Examples(self.inputs, ["1", "2", "3", "4"]) for name in ("train", "val")},
            Training.model_validate({**fixed, "learning_rate": 3e-3, **settings}),
            objective=Objective(
                self.learning.loss(MaskTraining(), LABELS),
                self.learning.keep,
                lambda kept: self.learning.score(kept, self.inputs, LABELS),
                metric_named(MASKS.metrics, "mean_iou"),
            ),
            machine=Machine(build_accelerator(), "fp32"),
            records=Records(checkpoints, lambda *point: None, checkpoints.newest()),
            seed=0,
            method=method,
        )
        return [point["loss"] for point in fitted.train_curve]

    def kept(self) -> Any:
        return predict(self.model, self.inputs, self.learning.keep, 4)


@pytest.mark.parametrize("name", METHODS)
def test_an_adaptation_trains_the_decoder_and_what_is_loaded_answers_as_what_was_trained(
    tmp_path: Path, name: str
) -> None:
    method, settings = METHODS[name]
    works = Works.new(DECODERS[name])
    before = {name: one.clone() for name, one in works.model.state_dict().items()}
    method.apply(works.model)
    frozen = _frozen(works.model)
    losses = works.train(tmp_path / "checkpoints", method, **settings)
    assert losses[-1] < 0.9 * losses[0]
    trained = works.kept()
    method.merge(works.model)
    after = works.model.state_dict()
    assert after.keys() == before.keys()
    for statistic in frozen:
        assert torch.equal(after[statistic], before[statistic]), statistic
    assert bool(frozen) == (name in ("linear_probe", "last_layers", "lora"))
    save_tensors(after, tmp_path / "model.safetensors")
    fresh = Works.new(DECODERS[name])
    load_weights(fresh.model, tmp_path / "model.safetensors")
    for one, other in zip(fresh.kept(), trained, strict=True):
        np.testing.assert_allclose(one[:129], other[:129], rtol=1e-3, atol=1e-4)


def _frozen(model: Network) -> list[str]:
    """The running statistics of norms that do not train."""
    norms = [(name, one) for name, one in model.named_modules() if isinstance(one, nn.BatchNorm2d)]
    fixed = [name for name, norm in norms if not any(one.requires_grad for one in norm.parameters())]
    return [f"{name.replace('base_model.model.', '')}.running_mean" for name in fixed]


def test_a_batch_that_does_not_fit_into_memory_is_halved_and_teaches_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    method, augment = METHODS["lora"][0], PlacedAugment(flip="both", scale=(0.7, 1.3))
    found = []
    for name, most in (("whole", 4), ("halves", 2)):
        works = Works.new(augment=augment)
        method.apply(works.model)
        monkeypatch.setattr(Network, "forward", _at_most(most, Network.forward))
        works.train(tmp_path / name, method)
        monkeypatch.undo()
        found.append(works.model.state_dict())
    assert "out of memory at step 1 with 4 examples per forward pass: 2 from here on" in caplog.text
    for name, tensor in found[0].items():
        torch.testing.assert_close(found[1][name], tensor, rtol=1e-2, atol=1e-3, msg=name)


def _at_most(most: int, forward: Callable[[Network, Batch], Tensor]) -> Callable[[Network, Batch], Tensor]:
    def limited(model: Network, batch: Batch) -> Tensor:
        if rows(batch) > most:
            raise torch.OutOfMemoryError
        return forward(model, batch)

    return limited
