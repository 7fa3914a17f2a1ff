"""A mask in its box becomes the pixels that it was made of, wherever the box lies."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.models.detection.roi_heads import paste_masks_in_image, project_masks_on_boxes

from finetrail.targets.instances.pasting import pasted

SIZE = (90, 70)


@pytest.mark.parametrize(
    "box", [(10.3, 5.2, 61.7, 44.1), (-12.5, -3.0, 30.25, 80.5), (70, 60, 95, 90), (20, 20, 21, 22)]
)
def test_it_is_sampled_between_its_parts(box: tuple[float, float, float, float]) -> None:
    shares = torch.rand(28, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left, top, right, bottom = box
    across = (torch.arange(SIZE[0]) + 0.5 - left) / (right - left) * 2 - 1
    down = (torch.arange(SIZE[1]) + 0.5 - top) / (bottom - top) * 2 - 1
    grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=2)[None].double()
    expected = functional.grid_sample(shares[None, None], grid, align_corners=False)[0, 0] > 0.5
    outside = (across.abs() > 1)[None] | (down.abs() > 1)[:, None]
    found = pasted(shares.numpy(), np.array(box), SIZE)
    np.testing.assert_array_equal(found[~outside.numpy()], expected[~outside].numpy())
    assert not found[outside.numpy()].any()


def test_what_is_learnt_of_a_mask_gives_it_back_better_than_torchvision_does() -> None:
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    disc = (rows - 33.2) ** 2 + (columns - 40.7) ** 2 < 17.5**2
    box = np.array([columns[disc].min(), rows[disc].min(), columns[disc].max() + 1, rows[disc].max() + 1], float)
    masks, boxes = torch.from_numpy(disc)[None].float(), torch.from_numpy(box)[None].float()
    learnt = project_masks_on_boxes(masks, boxes - 0.5, torch.zeros(1, dtype=torch.long), 28)
    found = pasted(learnt[0].numpy(), box, SIZE)
    theirs = project_masks_on_boxes(masks, boxes, torch.zeros(1, dtype=torch.long), 28)[:, None]
    pasted_by_them = paste_masks_in_image(theirs, boxes, SIZE[::-1])[0, 0].numpy() > 0.5
    assert iou(found, disc) > 0.97
    assert iou(found, disc) > iou(pasted_by_them, disc)
    assert iou(found, pasted_by_them) > 0.9


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_box_beside_the_image_or_without_numbers_has_no_pixels() -> None:
    shares = np.ones((28, 28))
    assert not pasted(shares, np.array([100.0, 0, 120, 20]), SIZE).any()
    assert not pasted(shares, np.full(4, np.nan), SIZE).any()
