"""Masks go onto the canvas with their boxes, however it shows the image, and what is found there comes back."""

from types import SimpleNamespace

import numpy as np
import torch
from torchvision.models.detection.roi_heads import project_masks_on_boxes

from finetrail.models.inputs import NO_CHANGES, Changes
from finetrail.models.placements import Placements
from finetrail.targets.instances.codec import InstanceCodec
from finetrail.targets.instances.learning import InstanceLearning
from finetrail.targets.masks.label import Region
from finetrail.targets.masks.raster import counts_of, pixels_of
from finetrail.targets.masks.reading import Mask

SIZE, CANVAS = (60, 40), 96
DISC = (np.mgrid[:40, :60][0] - 19.5) ** 2 + (np.mgrid[:40, :60][1] - 23.5) ** 2 < 14.2**2
BAR = np.zeros((40, 60), np.bool_)
BAR[4:36, 48:56] = True
LABEL = Mask.of(
    *SIZE,
    [Region("disc", counts_of(DISC)), Region("bar", counts_of(BAR)), Region("disc", counts_of(~DISC), crowd=True)],
)
LEARNING = InstanceLearning(InstanceCodec(("bar", "disc"), threshold=0.4))


def placed(scale: tuple[float, float], shift: tuple[float, float]) -> Placements:
    return Placements(np.array([scale]), np.array([shift]), np.array([SIZE]), (CANVAS, CANVAS))


PLAIN = placed((1.6, 1.6), (0.0, 0.0))
INPUTS = SimpleNamespace(rows=[0], placements=PLAIN)


def test_masks_lie_in_their_boxes_mirrored_or_cut_and_crowds_are_left_out() -> None:
    targets = LEARNING.encode([LABEL], INPUTS)
    for changes in (NO_CHANGES, Changes(placements=placed((-1.6, 1.6), (96.0, 8.0)))):
        batch = targets.batch([0], changes)
        assert batch["targets"][0, :, 4].sort().values.tolist() == [0, 1]
        for (left, top, right, bottom, number), mask in zip(
            batch["targets"][0].tolist(), batch["targets_masks"][0].numpy(), strict=True
        ):
            rows, columns = np.nonzero(mask)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(edges, [left, top, right, bottom], atol=1)
            expected = (DISC if number else BAR).sum() * 1.6**2
            assert abs(mask.sum() - expected) < 0.05 * expected
    cut = targets.batch([0], Changes(placements=placed((1.6, 1.6), (24.0, 0.0))))
    assert cut["targets"][0, :, 4].tolist() == [1], "the bar is beside the canvas"
    assert cut["targets_masks"].shape == (1, 1, CANVAS, CANVAS)


def test_what_is_found_on_the_canvas_comes_back_to_the_pixels_of_the_image() -> None:
    batch = LEARNING.encode([LABEL], INPUTS).batch([0], NO_CHANGES)
    boxes, masks = batch["targets"][0], batch["targets_masks"][0].float()
    learnt = project_masks_on_boxes(masks, boxes[:, :4] - 0.5, torch.arange(2), 28).flatten(1)
    found = torch.cat([boxes, torch.tensor([[0.9], [0.8]]), learnt], dim=1)
    kept = [torch.cat([torch.zeros(1, found.shape[1]), found]).numpy()]
    (one,) = LEARNING.answers(kept, INPUTS).found
    assert one.size == SIZE
    for number, counts in zip(one.classes.tolist(), np.asarray(one.masks).tolist(), strict=True):
        pixels, truth = pixels_of(counts, *SIZE), DISC if number else BAR
        assert (pixels & truth).sum() > 0.95 * (pixels | truth).sum()


def test_what_is_learnt_is_shown_as_a_label_of_the_canvas() -> None:
    batch = LEARNING.encode([LABEL], INPUTS).batch([0], NO_CHANGES)
    (label,) = LEARNING.learnt(batch)
    assert (label["width"], label["height"]) == (CANVAS, CANVAS)
    assert sorted(region["label"] for region in label["regions"]) == ["bar", "disc"]


def test_broken_outputs_are_broken_answers() -> None:
    nan = [np.concatenate([np.zeros((1, 790)), np.full((1, 790), np.nan)]).astype(np.float32)]
    answers = LEARNING.answers(nan, INPUTS)
    assert LEARNING.codec.broken(answers).tolist() == [True]
    assert len(np.asarray(answers.found[0].masks)) == 1
