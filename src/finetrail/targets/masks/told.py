"""The classes of pixels that an exported graph gives: of its canvas, so that a reader has only to put them in place."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from finetrail.models.told import Told, Whole
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.decoders import FORMS
from finetrail.targets.masks.head import on_canvas
from finetrail.targets.masks.kept import written

CODE = """sure = sure[: fitted[1], : fitted[0]].mean()
across, down = ((numpy.arange(side) + 0.5) * (fits / side) for side, fits in zip(size, fitted))
mask = numbers[down.astype(int)[:, None], across.astype(int)]
found.append(numpy.append(mask.astype("float32"), sure))
print(path, f"{sure:.3f}", *(f"{labels[number]} {(mask == number).mean():.1%}" for number in numpy.unique(mask)))
"""
_ANSWERED = """def answered(output):
    logits = torch.nn.functional.interpolate(output.logits, scale_factor=4, mode="bilinear", align_corners=False)
    sure, numbers = logits[0].softmax(0).max(0)
    return numbers.byte().numpy(), sure.numpy()
"""


class _Numbers(nn.Module):
    """Maps outputs (1, K, S / stride, S / stride) to class numbers, uint8, and their probabilities, both (S, S)."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        sure, numbers = on_canvas(outputs, self.stride)[0].softmax(0).max(0)
        return numbers.byte(), sure


def told(codec: MaskCodec) -> Told:
    """What a graph tells of masks."""
    whole = _segformer(codec.decoder_width) if codec.decoder == "segformer" else None
    return Told(_Numbers(FORMS[codec.decoder].stride), ("numbers", "sure"), CODE, _apart, _kept, whole=whole)


def _segformer(width: int) -> Whole:
    """SegFormer as transformers has it."""
    return Whole(
        "segformer",
        "AutoModelForSemanticSegmentation",
        "SegformerImageProcessor",
        {"decoder_hidden_size": width},
        lambda head: {f"decode_head.{name}": one for name, one in head.get_submodule("decoder").state_dict().items()},
        _ANSWERED,
        "The pipeline `image-segmentation` of transformers loads this folder too. It squeezes images into a square, "
        "so that its answers are the same for square images alone.",
    )


def _apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The share of the pixels that got other classes, or the difference of a probability where that is more."""
    (numbers, sure), (others, also) = ours, theirs
    unlike = (numbers != others).float().mean().item()
    return float(np.maximum(unlike, (sure - also).abs().max().item()))  # NaN stays


def _kept(found: Iterable[NDArray[np.float32]], inputs: Any) -> Sequence[NDArray[np.float32]]:
    """Pixels of each image, and the confidence behind them (H * W + 1,), as `MaskLearning.keep` has them."""
    placed, kept = inputs.placements, []
    for row, one in enumerate(found):
        width, height = placed.sizes[row].tolist()
        numbers = placed.pixels_onto(row, one[:-1].reshape(height, width).astype(np.uint8), 0)
        kept.append(written(0.0, numbers, np.full(numbers.shape, one[-1])))
    return kept
