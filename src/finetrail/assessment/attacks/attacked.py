"""The answers of a model to rows and to attacked rows, as one table: all numbers of the report come from it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from finetrail.assessment.answered import REMEDY
from finetrail.assessment.assessed import Given
from finetrail.assessment.attacks.settings import Attacks
from finetrail.assessment.curves.sample import Sample
from finetrail.assessment.curves.scores import AS_IT_IS, At
from finetrail.assessment.curves.ways import Ways
from finetrail.contents.attack import Attacked
from finetrail.contents.perturbation import seed_of
from finetrail.evaluation.report.previews import Preview
from finetrail.progress import duration
from finetrail.targets.codec import refuse_broken

if TYPE_CHECKING:
    from finetrail.inference.predict import Collected
    from finetrail.models.inputs import Inputs
    from finetrail.models.network import Batch

WAYS = Ways("attack", "attacks", "epsilon", "epsilons")
BATCH = 16
"""Examples at a time: few, because a backward pass needs what every layer computed."""


@dataclass
class Outputs:
    """What came of all examples in one way.

    Attributes:
        kept: of the outputs.
        seen: the examples as the model sees them, by number.
        touched: the rows that were changed, by number.
    """

    kept: "Collected"
    seen: dict[int, Preview] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Answered:
    """All rows, as they are and attacked. Attributes: outputs: by attack and epsilon."""

    given: Given
    sample: Sample
    inputs: "Inputs"
    outputs: dict[At, Outputs]

    def table(self) -> pd.DataFrame:
        """The columns of predictions.parquet: one row for each row as it is, and for each attack and epsilon.

        Raises:
            ModelError: an answer is NaN or infinite.
        """
        return pd.concat([self._part(at, one) for at, one in self.outputs.items()], ignore_index=True)

    def shown(self, row: str, at: At) -> tuple[Preview, Preview]:
        """A row as it is and attacked; of a long text that is several examples, the first that was changed."""
        number = self.sample.rows["id"].tolist().index(row)
        pairs = [
            (self.outputs[AS_IT_IS].seen[example], self.outputs[at].seen[example])
            for example, of_row in enumerate(self.inputs.rows)
            if of_row == number
        ]
        return next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])

    def _part(self, at: At, one: Outputs) -> pd.DataFrame:
        import torch

        learning = self.given.built.learning
        answers = learning.answers(one.kept.of_all(torch.device("cpu")), self.inputs)
        refuse_broken(learning.codec, answers, "the model", REMEDY)
        columns = pd.DataFrame(learning.codec.columns(answers))
        touched = np.isin(np.arange(len(self.sample.rows)), sorted(one.touched))
        return self.sample.table(WAYS, columns, self.given.candidate, at, touched=touched)


def attacked(given: Given, settings: Attacks, sample: Sample) -> Answered:
    """Attack the rows, and answer them.

    An attack raises the target's default loss, whatever the model was trained with.
    """
    from finetrail.inference.batching import sorted_batches
    from finetrail.inference.device import fix_seeds
    from finetrail.inference.feeding import feed
    from finetrail.inference.predict import Collected

    fix_seeds(given.pipeline.seed)
    built, labels = given.built, sample.rows["label"].tolist()
    inputs = built.processor.encode(sample.values, scratch=given.workspace.scratch)
    inputs = inputs.labelled(built.learning.encode(labels, inputs))
    epsilons = sorted(settings.epsilons)
    places = [AS_IT_IS, *((name, epsilon) for name in settings.names for epsilon in epsilons)]
    found = Answered(given, sample, inputs, {at: Outputs(Collected(len(inputs))) for at in places})
    batches = sorted_batches(inputs.lengths, BATCH)
    fed = feed(inputs, [(batch, None) for batch in batches], next(built.model.parameters()).device)
    started = time.perf_counter()
    for number, indices in enumerate(given.track(batches, total=len(batches), what="attacking")):
        batch = next(fed)
        _keep(found, AS_IT_IS, indices, batch, batch)
        for at, changed in _changed(found, settings.names, epsilons, indices, batch):
            _keep(found, at, indices, changed, batch)
        if number == 0:
            whole = (time.perf_counter() - started) * len(inputs) / len(indices)
            passes = f"{' and '.join(settings.names)} at {len(epsilons)} epsilons"
            given.tell(f"{len(labels)} rows, {passes}: about {duration(whole)}")
    return found


def _changed(
    found: Answered, names: Sequence[str], epsilons: Sequence[int], indices: Sequence[int], batch: "Batch"
) -> "Iterator[tuple[At, Batch]]":
    """The batch under every attack, at every epsilon."""
    built, ids, seed = found.given.built, found.sample.rows["id"].tolist(), found.given.pipeline.seed
    training: Any = built.task.target.Training
    loss = built.learning.loss(training(), found.sample.rows["label"].tolist(), finished=True)
    model = Attacked(built.model.eval(), built.processor, loss)
    networks = built.task.content.networks()
    for name in names:
        seeds = [seed_of(ids[found.inputs.rows[index]], name, seed) for index in indices]
        changed = networks.attack(name, model, batch, epsilons, seeds)
        yield from zip([(name, epsilon) for epsilon in epsilons], changed, strict=True)


def _keep(found: Answered, at: At, indices: Sequence[int], batch: "Batch", original: "Batch") -> None:
    """Answer a batch, and keep what the report needs of it."""
    import torch

    from finetrail.models.network import for_model

    built, one = found.given.built, found.outputs[at]
    with torch.inference_mode():
        one.kept.add(indices, built.learning.keep(built.model.answer(for_model(batch)), batch))
    one.seen |= dict(zip(indices, built.processor.show(batch), strict=True))
    for name, was in for_model(original).items():
        changed = (batch[name] != was).reshape(len(was), -1).any(1).tolist()
        one.touched |= {found.inputs.rows[index] for index, hit in zip(indices, changed, strict=True) if hit}
