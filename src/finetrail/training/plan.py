"""The optimiser steps of a training: how many, with which examples, and which ones an evaluation follows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetrail.inference.batching import cut, grouped_batches
from finetrail.training.settings import Training


@dataclass(frozen=True)
class Step:
    """One optimiser step. Attributes: batches: the examples of each forward pass. seeds: of their augmentations."""

    batches: list[list[int]]
    seeds: list[int]

    @property
    def examples(self) -> list[int]:
        """The examples of all its batches."""
        return [index for batch in self.batches for index in batch]


@dataclass(frozen=True)
class Plan:
    """The steps of a training. They depend only on the settings, the seed and the examples' lengths.

    Steps and epochs count from 1, so 0 is before the first.
    """

    lengths: Sequence[int]
    settings: Training
    seed: int

    @property
    def steps_an_epoch(self) -> int:
        """Optimiser steps."""
        return -(-len(self.lengths) // (self.settings.batch_size * self.settings.accumulate))

    @property
    def steps(self) -> int:
        """Optimiser steps in all, unless training stops early."""
        return self.settings.max_steps or self.settings.epochs * self.steps_an_epoch

    def epoch_of(self, step: int) -> int:
        """The epoch that a step belongs to."""
        return (step - 1) // self.steps_an_epoch + 1

    def epochs_at(self, step: int) -> float:
        """How many epochs so many steps are; a whole number where an epoch ends."""
        whole, rest = divmod(step, self.steps_an_epoch)
        return round(step / self.steps_an_epoch, 4) if rest else whole

    def ends_epoch(self, step: int) -> bool:
        """Whether it is the last step of its epoch."""
        return step % self.steps_an_epoch == 0

    def evaluates(self, step: int) -> bool:
        """Whether an evaluation follows."""
        every = self.settings.evaluate_every
        return step == self.steps or (self.ends_epoch(step) if every is None else step % every == 0)

    def logs(self, step: int) -> bool:
        """Whether the training curve has a point here."""
        return step % self.settings.log_every == 0 or self.ends_epoch(step) or step == self.steps

    def epoch(self, number: int) -> list[Step]:
        """The steps of an epoch, in order."""
        settings = self.settings
        batches = grouped_batches(self.lengths, settings.batch_size, self.seed + number)
        # One seed for each batch, the same however many processes or workers make the batches.
        drawn = np.random.SeedSequence((self.seed, number)).generate_state(len(batches), np.uint64)
        steps = []
        for at in range(0, len(batches), settings.accumulate):
            parts = [
                (part, int(seed))
                for batch, seed in zip(batches[at : at + settings.accumulate], drawn[at:], strict=False)
                for part in cut(batch, self.lengths, settings.batch_tokens)
            ]
            steps.append(Step([part for part, _ in parts], [seed for _, seed in parts]))
        return steps
