"""Measure what methods of adaptation do with some of the rows: pace, memory, and the rates at which they learn."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psutil
import torch

from finetrail.commands.suggest.budget import Batch, fitting_batch
from finetrail.data.store.shards import pick
from finetrail.models.inputs import Inputs, Watched
from finetrail.progress import Track
from finetrail.sections import Params
from finetrail.tasks.task import Built
from finetrail.training.candidate import Candidate
from finetrail.training.drawn import Drawn
from finetrail.training.pace import Pace, measure
from finetrail.training.prepared import prepared
from finetrail.training.rates import RangeTest, Sweep, range_test
from finetrail.training.work import SPLITS, Rows, Work, build, read_rows
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

MOST = {"train": 1280, "val": 256}
"""Rows of each split that are looked at."""
USABLE = 0.7
"""The share of the free memory that a training may plan with."""
DECADES = 5
"""The width of a range test."""
DENSE, SPARSE = 20, 8
"""Steps a decade, where a step costs next to nothing, and where it does not."""
AS_LONG = {"lion": 0.1, "sgd": 100.0}
"""The multiple of AdamW's rate at which the steps of another optimiser are about as long, where it is not 1."""


@dataclass(frozen=True)
class Bench:
    """Where methods are measured: all on the same rows, with the seed of params.yaml.

    Args:
        workspace: with the splits.
    """

    workspace: Workspace
    params: Params
    track: Track
    _known: dict[str, dict[str, Inputs]] = field(default_factory=dict, repr=False)

    @cached_property
    def rows(self) -> Rows:
        """All rows, without their contents."""
        return read_rows(self.workspace, self.params.task.task, self.params.train)

    @property
    def counts(self) -> dict[str, int]:
        """Of the rows in each split."""
        return {split: len(labels) for split, labels in self.rows.labels.items()}

    @cached_property
    def sample(self) -> dict[str, "pd.DataFrame"]:
        """Some of the rows: those with the smallest ids, which are hashes."""
        return {split: self.rows.frames[split].sort_values("id", kind="stable").head(MOST[split]) for split in SPLITS}

    def resident(self, candidate: Candidate) -> int:
        """Bytes of this process with its libraries and rows, but without a model. Ask before anything trains."""
        model = self._work(candidate).built.model
        weights = sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()])
        return 0 if torch.cuda.is_available() else int(psutil.Process().memory_info().rss) - weights

    def pace(self, candidate: Candidate) -> Pace:
        """Forecasts of a training on all rows."""
        work = self._work(candidate)
        times = {split: self.counts[split] / len(self.sample[split]) for split in SPLITS}
        return measure(work, self.workspace.scratch, times)

    def batch(self, candidate: Candidate) -> Batch:
        """A batch that fits into the memory of this machine, by what the longest example needs."""
        pair = {"batch_size": 2, "accumulate": 1}  # batch norms cannot train on one
        work = self._work(candidate.trained_with(**pair))
        train, val = work.inputs["train"], work.inputs["val"]
        longest = max(range(len(train)), key=train.lengths.__getitem__)
        inputs: dict[str, Inputs] = {"train": Drawn(train, [longest, longest]), "val": Drawn(val, [0])}
        pace = measure(replace(work, inputs=inputs), self.workspace.scratch)
        return fitting_batch(self.counts["train"], int(free_bytes() * USABLE), pace.fixed, pace.kept // 2)

    def sweep_seconds(self, pace: Pace) -> float:
        """About how long a range test takes."""
        share = sum(len(one) for one in self.sample.values()) / sum(self.counts.values())
        return pace.once * share + (1 + DECADES * (DENSE if pace.once else SPARSE)) * pace.step

    def rates(self, candidate: Candidate, lowest: float) -> RangeTest:
        """A range test from a rate on, which is meant for AdamW."""
        work = self._work(candidate)
        settings = work.candidate.train
        inputs = work.inputs | {"val": Drawn(work.inputs["val"], [0])}  # a range test evaluates nothing
        with prepared(replace(work, inputs=inputs), self.workspace.scratch, track=self.track) as ready:
            low = lowest * AS_LONG.get(settings.optimizer, 1.0)
            steps = 1 + DECADES * (DENSE if ready.frozen else SPARSE)
            return range_test(
                work.built.model,
                ready.inputs["train"],
                settings,
                Sweep(low, low * 10**DECADES, steps),
                loss=ready.objective.loss,
                machine=ready.machine,
                seed=work.seed,
                track=self.track,
            )

    def _work(self, candidate: Candidate) -> Work:
        """A new model, adapted, with the sampled rows; one process works on it."""
        candidate = candidate.trained_with(processes=1, fsdp=False)
        task = self.params.task.task
        rows = replace(self.rows, learning=task.target.learn(self.rows.labels["train"], candidate.train))
        built = build(self.workspace, task, candidate, rows, self.params.seed)
        inputs = self._encoded(built, candidate)
        return Work(built, candidate, rows, inputs, self.sample["train"]["label"].tolist(), self.params.seed)

    def _encoded(self, built: Built, candidate: Candidate) -> dict[str, Inputs]:
        """The sampled rows, read once for each way in which a candidate reads them."""
        settings: Any = candidate.train
        key = f"{candidate.backbone!r} {settings.augment!r}"
        if key not in self._known:
            self._known[key] = {split: self._read(split, built, settings) for split in SPLITS}
        return self._known[key]

    def _read(self, split: str, built: Built, settings: Any) -> Inputs:
        frame, name = self.sample[split], built.task.content.name
        found = pick(self.workspace.split(split), name, frame["id"].tolist())
        inputs = built.processor.encode(
            Watched([found[row] for row in frame["id"]], self.track, f"reading {split}"),
            augment=settings.augment if split == "train" else None,
            scratch=self.workspace.scratch,
        )
        return inputs.labelled(built.learning.encode(frame["label"].tolist(), inputs))


def free_bytes() -> int:
    """Of the GPU's memory if there is one, else of the machine's."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)
