"""What a model learns of masks: the class of each pixel of its canvas. Targets follow the image as it is placed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Changes
from finetrail.models.network import Batch, Network
from finetrail.models.placements import Placements
from finetrail.models.told import Told
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.decoders import FORMS
from finetrail.targets.masks.head import MaskHead, on_canvas
from finetrail.targets.masks.kept import confidence_in, numbers_in, written
from finetrail.targets.masks.losses import cross_entropy, losses_of, pixel_weights
from finetrail.targets.masks.raster import IGNORED, label_of, numbers_of
from finetrail.targets.masks.told import told
from finetrail.targets.masks.training import MaskTraining

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept

Labels = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class MaskTargets:
    """The masks of each example.

    Attributes:
        labels: as regions, which take less room than pixels.
        placements: of the images without augmentation.
    """

    labels: Sequence[Mapping[str, Any]]
    classes: tuple[str, ...]
    placements: Placements

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """`targets` (B, S, S), uint8: class numbers on the canvas, `IGNORED` beside the image."""
        placed = changes.placements or self.placements
        rows = range(len(indices)) if changes.placements else indices
        found = [
            placed.pixels_onto(row, numbers_of(self.labels[index], self.classes), IGNORED)
            for index, row in zip(indices, rows, strict=True)
        ]
        return {"targets": torch.from_numpy(np.stack(found))}


@dataclass(frozen=True)
class MaskLearning:
    """See `finetrail.targets.learning.Learning`.

    Outputs are as fine as the decoder makes them. They grow to the canvas where they meet its pixels, in the loss and
    for the answers, so that nothing else holds K numbers for each.
    """

    codec: MaskCodec

    @property
    def _stride(self) -> int:
        return FORMS[self.codec.decoder].stride

    def head(self, width: Any) -> nn.Module:
        """Args: width: the `Pyramid` of the backbone."""
        return MaskHead(width, len(self.codec.classes), self.codec.decoder, self.codec.decoder_width)

    def encode(self, labels: Labels, inputs: Any) -> MaskTargets:
        return MaskTargets([labels[row] for row in inputs.rows], self.codec.classes, inputs.placements)

    def loss(self, settings: MaskTraining, labels: Labels, *, finished: bool = False) -> Loss:
        weights = None if settings.class_weights is None else pixel_weights(labels, self.codec.classes)
        each = losses_of(settings, weights)
        return lambda outputs, batch: each(on_canvas(outputs, self._stride), batch["targets"]).mean()

    def learnt(self, batch: Batch) -> list[Any]:
        """See `finetrail.targets.learning.Showing`."""
        names: dict[int, str | None] = {**dict(enumerate(self.codec.classes)), IGNORED: None}
        return [label_of(one, names) for one in batch["targets"].numpy()]

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        """The cross-entropy of each image, its class numbers and how sure they are; see `kept.written`."""
        found = []
        for row, one in enumerate(torch.split(outputs.float(), 1)):
            logits = on_canvas(one, self._stride)
            loss = cross_entropy(logits, batch["targets"][row : row + 1]).item() if "targets" in batch else 0.0
            sure, numbers = logits.softmax(1).max(1)
            found.append(written(loss, numbers[0].byte().cpu().numpy(), sure[0].cpu().numpy()))
        return found

    def answers(self, kept: Any, inputs: Any) -> MaskAnswers:
        placed: Placements = inputs.placements
        masks = [
            self.codec.answer(placed.pixels_back(row, numbers_in(one, placed.canvas))) for row, one in enumerate(kept)
        ]
        sure = [confidence_in(one, placed, row) for row, one in enumerate(kept)]
        return MaskAnswers(masks, np.array(sure, dtype=np.float64))

    def explained(self, label: Any, answers: MaskAnswers, inputs: Any) -> Explained | None:
        """None: an image has many outputs, and no one of them explains a mistake."""
        return None

    def score(self, kept: Any, inputs: Any, labels: Labels, *, finished: bool = False) -> Point:
        loss = float(np.mean([float(one[0]) for one in kept]))
        return {"loss": loss, **point_scores(self.codec.judge, labels, self.answers(kept, inputs))}

    def finish(self, model: Network) -> None:
        """Nothing to do: the model answers as it was trained."""

    def told(self) -> Told:
        """See `finetrail.targets.learning.Telling`."""
        return told(self.codec)

    def fitted(self, kept: Any, inputs: Any, labels: Labels) -> "MaskLearning":
        """Nothing to fit: the likeliest class of a pixel is its answer."""
        return self
