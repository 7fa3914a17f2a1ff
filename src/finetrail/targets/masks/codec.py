"""How the masks that a model found are written down: as regions with COCO's run lengths, and as an index image."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.data.shown import for_markdown
from finetrail.errors import RefusedError
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.label import BACKGROUND, Region, mask_label, regions_of
from finetrail.targets.masks.raster import Pixels, label_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.models.placements import Placements
    from finetrail.targets.masks.judge import MaskJudge
    from finetrail.targets.masks.training import Decoder

MOST_SHOWN = 60
DIFFERENT = 0.05
"""The share of the pixels from which two models answer an image differently."""


@dataclass(frozen=True)
class MaskCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        classes: by number.
        decoder, decoder_width: see `finetrail.targets.masks.training.MaskTraining`.
    """

    classes: tuple[str, ...]
    decoder: "Decoder" = "unet"
    decoder_width: int = 128

    @property
    def outputs(self) -> list[str]:
        return list(self.classes)

    @property
    def judge(self) -> "MaskJudge":
        from finetrail.targets.masks.judge import MaskJudge

        return MaskJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        mask = "{label: string, number: long, width: long, height: long, counts: string}"
        return {"masks": f"list[{mask}]", "png": "string", "confidence": "double"}

    @property
    def scales(self) -> None:
        return None

    def described(self) -> dict[str, Any]:
        return asdict(self) | {"classes": list(self.classes)}

    def answer(self, numbers: Pixels) -> dict[str, Any]:
        """An image of class numbers (H, W) as a label."""
        return label_of(numbers, dict(enumerate(self.classes)))

    def unknown(self, labels: Sequence[Any]) -> str:
        others = sorted(
            {region.label for label in labels for region in regions_of(label) if region.label} - {*self.classes}
        )
        return f"class {others[0]!r}, which is none of the {len(self.classes)}" if others else ""

    def broken(self, answers: MaskAnswers) -> NDArray[np.bool_]:
        return ~np.isfinite(answers.confidence)

    def columns(self, answers: MaskAnswers) -> dict[str, Any]:
        names = ("width", "height", "regions")
        return {name: [one[name] for one in answers.masks] for name in names} | {"confidence": answers.confidence}

    def read(self, frame: "pd.DataFrame") -> MaskAnswers:
        needed = ("width", "height", "regions", "confidence")
        missing = [name for name in needed if name not in frame]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        masks = [
            mask_label(int(width), int(height), regions_of({"regions": regions}))
            for width, height, regions in zip(*(frame[name].tolist() for name in needed[:3]), strict=True)
        ]
        strange = self.unknown(masks)
        if strange:
            raise ValueError(f"it holds {strange}")
        return MaskAnswers(masks, frame["confidence"].to_numpy(dtype=np.float64))

    def say(self, answers: MaskAnswers) -> dict[str, Any]:
        return {
            "masks": [self._said(mask) for mask in answers.masks],
            "png": [_png(numbers_of(mask, self.classes)) for mask in answers.masks],
            "confidence": answers.confidence.tolist(),
        }

    def _said(self, mask: Mapping[str, Any]) -> list[dict[str, Any]]:
        size = {"width": mask["width"], "height": mask["height"]}
        return [
            {"label": region.label, "number": self.classes.index(region.label or ""), **size, "counts": region.counts}
            for region in regions_of(mask)
        ]

    def heard(self, said: Mapping[str, Sequence[Any]], known: MaskAnswers) -> MaskAnswers:
        masks = []
        for regions, own in zip(said["masks"], known.masks, strict=True):
            masks.append(
                mask_label(own["width"], own["height"], [Region(one["label"], one["counts"]) for one in regions])
            )
            strange = self.unknown(masks[-1:])
            if strange:
                raise ValueError(f"it names {strange}")
        return MaskAnswers(masks, np.array(said["confidence"], dtype=np.float64))

    def confidence(self, answers: MaskAnswers) -> Floats:
        return answers.confidence

    def apart(self, one: MaskAnswers, other: MaskAnswers) -> Floats:
        """The share of the pixels that got other classes, or the difference of the confidence where that is more."""
        return np.maximum(self._unlike(one, self, other), np.abs(one.confidence - other.confidence))

    @property
    def differing(self) -> str:
        return f"another class for more than {DIFFERENT:.0%} of the pixels"

    def differ(self, one: MaskAnswers, other: MaskAnswers, theirs: "MaskCodec") -> NDArray[np.bool_]:
        return self._unlike(one, theirs, other) > DIFFERENT

    def _unlike(self, one: MaskAnswers, theirs: "MaskCodec", other: MaskAnswers) -> Floats:
        names = tuple(dict.fromkeys((*self.classes, *theirs.classes)))
        return np.array([_unlike(*pair, names) for pair in zip(one.masks, other.masks, strict=True)], dtype=np.float64)

    def scale(self, answers: MaskAnswers) -> float:
        return 1.0

    def shown(self, answers: MaskAnswers, row: int) -> str:
        mask = answers.masks[row]
        found = ", ".join(str(region["label"]) for region in mask["regions"]) or BACKGROUND
        return f"({mask['width']} x {mask['height']} pixels of {found})"

    def refuse_others(self, champion: "MaskCodec") -> None:
        """Raise RefusedError if the champion knows other classes than this challenger."""
        more, less = sorted({*self.classes} - {*champion.classes}), sorted({*champion.classes} - {*self.classes})
        if more or less:
            who, name = ("challenger", more[0]) if more else ("champion", less[0])
            raise RefusedError(f"their classes differ: only the {who} knows {name!r}")

    def aligned(self, answers: MaskAnswers, own: "MaskCodec") -> MaskAnswers:
        return answers  # by name

    def back(self, answers: MaskAnswers, moved: "Sequence[Placements]") -> MaskAnswers:
        """See `finetrail.targets.codec.Placing`."""
        pairs = zip(answers.masks, moved, strict=True)
        masks = [self.answer(placed.pixels_back(0, numbers_of(mask, self.classes))) for mask, placed in pairs]
        return MaskAnswers(masks, answers.confidence)

    def label(self, answers: MaskAnswers, row: int) -> Mapping[str, Any]:
        """See `finetrail.targets.codec.Placing`."""
        return answers.masks[row]

    def snippet(self, names: str) -> str:
        return f"names = {names}\nprint([names[number] for number in logits[0].argmax(0).unique()])"

    def about(self) -> list[str]:
        shown = ", ".join(map(for_markdown, self.classes[:MOST_SHOWN]))
        more = " and more" if len(self.classes) > MOST_SHOWN else ""
        answer = "An answer gives each pixel of the upright image one of them."
        return [f"Classes of pixels ({len(self.classes)}): {shown}{more}. {answer}"]


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any], names: Sequence[str]) -> float:
    """The share of the pixels that have other classes; infinite for images of two sizes."""
    if (one["width"], one["height"]) != (other["width"], other["height"]):
        return float("inf")
    if one["regions"] == other["regions"]:
        return 0.0
    return float((numbers_of(one, names) != numbers_of(other, names)).mean())


def _png(numbers: Pixels) -> str:
    """An index image as PNG, in base64."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(numbers).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
