"""Our side of a training step: the engine, on the machine's own choice of precision."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.targets.target import metric_named
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.loop import fit
from finetrail.training.precision import choose_precision
from finetrail.training.steps import Objective, Records
from peers.steps import Clock, Steps, build, some

T = TypeVar("T")


def main() -> None:
    steps = Steps.read()
    built, inputs = build(steps)
    precision = choose_precision("auto", built.model, inputs.batch(range(steps.batch_size)))
    machine = Machine(build_accelerator(precision), precision)
    metric = metric_named(built.task.target.metrics, steps.settings.metric)
    clock = Clock(len(inputs), steps.batch_size)

    def track(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        for item in items:
            yield item
            if what.startswith("epoch"):
                clock.ended()

    with tempfile.TemporaryDirectory() as scratch:
        fit(
            built.model,
            {"train": Examples(inputs, [""] * len(inputs)), "val": Examples(some(inputs, 1), [""])},
            steps.settings,
            objective=Objective(
                built.learning.loss(steps.settings, []),
                built.learning.keep,
                score=lambda kept: {metric.name: 0.0},
                metric=metric,
            ),
            machine=machine,
            records=Records(Checkpoints(Path(scratch)), lambda curve, step, point: None, track=track),
            seed=0,
        )
    clock.stop()


if __name__ == "__main__":
    main()
