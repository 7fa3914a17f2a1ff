"""Masks on their way to the canvas of a network and back, and what a decoder makes of the maps of a backbone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from finetrail.contents.image import FINE_PYRAMID
from finetrail.contents.image.backbone import load_pretrained
from finetrail.contents.image.fitted.settings import PlacedAugment, PyramidBackboneSettings
from finetrail.models.network import Network
from finetrail.models.placements import Placements
from finetrail.models.pyramid import Pyramid
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.decoders import FORMS
from finetrail.targets.masks.head import MaskHead, on_canvas
from finetrail.targets.masks.learning import MaskLearning
from finetrail.targets.masks.raster import IGNORED, numbers_of
from finetrail.targets.masks.training import MaskTraining
from tests.drawn import MASKED, drawn, mask_of, png

PYRAMID = Pyramid(((6, 16, 24), (8, 8, 12), (10, 4, 6), (12, 2, 3)), (4, 8, 16, 32))


def placed(scale: tuple[float, float], shift: tuple[float, float], size: tuple[int, int]) -> Placements:
    return Placements(np.array([scale]), np.array([shift]), np.array([size]), (64, 64))


def test_pixels_go_onto_the_canvas_and_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 5, (24, 32), dtype=np.uint8)
    twice = placed((2.0, 2.0), (0.0, 0.0), (32, 24))
    canvas = twice.pixels_onto(0, pixels, IGNORED)
    assert (canvas[:48] == pixels.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert (canvas[48:] == IGNORED).all()
    assert (twice.pixels_back(0, canvas) == pixels).all()


def test_pixels_follow_an_image_that_is_mirrored_cut_and_moved() -> None:
    pixels = np.random.default_rng(0).integers(0, 5, (24, 32), dtype=np.uint8)
    mirrored = placed((-2.0, 1.0), (60.0, -4.0), (32, 24)).pixels_onto(0, pixels, IGNORED)
    assert (mirrored[:20, :60:2] == pixels[4:, 29::-1]).all()
    assert (mirrored[20:] == IGNORED).all()
    assert (mirrored[:, 60:] == IGNORED).all()


@pytest.mark.parametrize("decoder", [name for name in FORMS if name != "whole"])
def test_outputs_for_an_image_do_not_depend_on_the_others(decoder: str) -> None:
    torch.manual_seed(0)
    head = MaskHead(PYRAMID, 3, decoder, 64)  # type: ignore[arg-type]
    features = torch.randn(3, PYRAMID.width)
    outputs = head.train()(features)
    assert on_canvas(outputs, FORMS[decoder].stride).shape == (3, 3, 64, 96)  # type: ignore[index]
    torch.testing.assert_close(head.eval()(features[1:2]), outputs[1:2], rtol=1e-4, atol=1e-5)
    outputs.sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_deeplabv3_is_that_of_torchvision() -> None:
    torch.manual_seed(0)
    head = MaskHead(PYRAMID, 3, "deeplabv3", 256).eval()
    theirs = DeepLabHead(12, 3, atrous_rates=(6, 12, 18))
    for module in [module for module in theirs.modules() if not isinstance(module, torch.nn.BatchNorm2d)]:
        for name, norm in module.named_children():
            if isinstance(norm, torch.nn.BatchNorm2d):
                setattr(module, name, torch.nn.GroupNorm(16, norm.num_features))
    places = {"decoder.1": "0", "decoder.2": "1", "decoder.3": "2", "classify": "4"}
    state = {}
    for name, tensor in head.state_dict().items():
        ours = next(place for place in places if name.startswith(place))
        state[name.replace(ours, places[ours], 1)] = tensor
    theirs.load_state_dict(state)
    features = torch.randn(2, PYRAMID.width)
    grown = torch.nn.functional.interpolate(PYRAMID.maps(features)[-1], scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(head(features), theirs.eval()(grown))


def test_masks_follow_the_augmented_image_and_answers_come_back_to_it() -> None:
    torch.manual_seed(0)
    settings = PyramidBackboneSettings(name="timm/test_resnet", weights="random", image_size=64)
    loaded = load_pretrained(settings, Path(), FINE_PYRAMID, ["image"])
    learning = MaskLearning(MaskCodec(MASKED, "fpn", 64))
    shapes = [drawn(seed, (96, 72)) for seed in (1, 2, 3)]
    labels = [learning.codec.answer(np.asarray(mask_of(boxes, (96, 72)))) for _, boxes in shapes]
    augment = PlacedAugment(flip="both", scale=(0.6, 1.6), color=0.2)
    inputs = loaded.processor.encode([png(image) for image, _ in shapes], augment=augment)
    inputs = inputs.labelled(learning.encode(labels, inputs))
    for seed in (None, 1, 2):
        batch = inputs.batch([0, 1, 2], seed)
        shown = batch["pixels"].permute(0, 2, 3, 1).float()
        red = (shown[..., 0] - shown[..., 1] > 60) & (shown[..., 0] > 120)
        circle = batch["targets"] == MASKED.index("circle")
        assert ((red & circle).sum() / (red | circle).sum()) > 0.85, seed
        assert (batch["targets"] == IGNORED).any()
        for learnt, targets in zip(learning.learnt(batch), batch["targets"].numpy(), strict=True):
            assert (numbers_of(learnt, MASKED) == targets).all(), "what is drawn is what is learnt"

    model = Network(loaded.network, learning.head(loaded.width)).eval()
    batch = inputs.batch([0, 1, 2])
    with torch.no_grad():
        outputs = model(batch)
        kept = learning.keep(outputs, batch)
        loss = learning.loss(MaskTraining(), labels)(outputs, batch)
    assert np.mean([one[0] for one in kept]) == pytest.approx(loss.item(), abs=1e-5)
    answers = learning.answers(kept, inputs)
    assert [(one["width"], one["height"]) for one in answers.masks] == [(96, 72)] * 3
    likeliest = on_canvas(outputs, 4).argmax(1)[:, :48].numpy()  # of a canvas whose lower part is empty
    back = np.floor((np.arange(96) + 0.5) * 64 / 96).astype(int)
    for one, expected in zip(answers.masks, likeliest, strict=True):
        assert (numbers_of(one, MASKED) == expected[np.ix_(back[:72], back)]).all()
    sure = on_canvas(outputs, 4).softmax(1).amax(1)[:, :48].mean((1, 2))
    np.testing.assert_allclose(answers.confidence, sure, rtol=1e-5)
    with torch.no_grad():
        broken = learning.keep(outputs * torch.nan, batch)
    assert learning.codec.broken(learning.answers(broken, inputs)).all()
