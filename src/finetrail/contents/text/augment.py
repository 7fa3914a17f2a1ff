"""Training texts that vary from epoch to epoch: perturbed as an assessment of robustness perturbs them, drawn anew."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finetrail.contents.text.perturbations import perturb
from finetrail.contents.text.settings import TextAugment
from finetrail.models.byte_store import Packed
from finetrail.models.inputs import Values


@dataclass(frozen=True)
class Varying:
    """The texts of a split, kept so that each batch can perturb its own.

    Attributes:
        kept: as JSON, by row.
        tokenise: what the inputs that hold it make of perturbed texts.
    """

    kept: Packed
    augment: TextAugment
    tokenise: Callable[[Any], Any]

    @staticmethod
    def of(
        values: Values, augment: TextAugment | None, scratch: Path | None, tokenise: Callable[[Any], Any]
    ) -> "Varying | None":
        """Keep the rows; None where nothing varies."""
        if augment is None or not augment.names:
            return None
        return Varying(Packed((json.dumps(value).encode() for value in values), scratch), augment, tokenise)

    def row(self, number: int) -> Any:
        """The content of a row, as it is."""
        return json.loads(self.kept[number].tobytes())

    def draw(self, contents: Sequence[Any], seed: int) -> list[Any]:
        """Contents, some of them perturbed. What is drawn for one does not depend on what the others say."""
        generator = np.random.default_rng(seed)
        names, severities, count = self.augment.names, self.augment.severities, len(contents)
        hit = generator.random(count) < self.augment.share
        chosen = generator.integers(len(names), size=count).tolist()
        strong = generator.integers(len(severities), size=count).tolist()
        seeds = generator.integers(2**63, size=count).tolist()
        return [
            perturb(names[chosen[place]], content, severities[strong[place]], seeds[place]) if hit[place] else content
            for place, content in enumerate(contents)
        ]
