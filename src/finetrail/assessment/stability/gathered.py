"""All trainings of the candidates in question: those that `train` left, those that are kept, and those still to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from finetrail.assessment.assessed import Given
from finetrail.assessment.stability.settings import Stability
from finetrail.data.store.shards import read_frame
from finetrail.progress import duration
from finetrail.serving.predictions import read_predictions
from finetrail.units.unit import Unit
from finetrail.units.units import Units
from finetrail.workspace import need, read_json

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trained:
    """A finished training. Attributes: target: describes the codec; rows: how many it learned from."""

    candidate: str
    unit: Unit
    target: Mapping[str, Any]
    rows: int
    frame: "pd.DataFrame"


@dataclass(frozen=True)
class Plan:
    """The trainings of one candidate that are wanted.

    Attributes:
        seeds: on all rows, that of the model first.
        resamples: on parts of the rows.
        curve: on further parts, by their share of the rows.
    """

    seeds: Sequence[Unit]
    resamples: Sequence[Unit]
    curve: Mapping[float, Sequence[Unit]] = field(default_factory=dict)

    @property
    def units(self) -> list[Unit]:
        """All of them, each once."""
        return list(dict.fromkeys([*self.seeds, *self.resamples, *(one for of in self.curve.values() for one in of)]))


def planned(settings: Stability, seed: int) -> Plan:
    """What to train of each candidate. Args: seed: of the workspace."""

    def parts(fraction: float) -> list[Unit]:
        return [Unit(seed + number, fraction) for number in range(1, settings.resamples + 1)]

    curve = {fraction: parts(fraction) for fraction in sorted(settings.curve)}
    return Plan([Unit(seed + number) for number in range(settings.seeds)], parts(settings.fraction), curve)


def train_missing(given: Given, plan: Plan, names: Sequence[str]) -> None:
    """Train what some candidates lack of the plan; processes that do so at once share the work.

    Raises:
        TrainingError: a training failed; the message names it.
    """
    units = {name: _units(given, name) for name in names}
    left = {name: of.left(_lacking(given, name, plan)) for name, of in units.items()}
    given.tell(_duration(given, left, len(plan.units) * len(names)))

    def finished() -> Iterator[Unit]:
        for name, of in units.items():
            yield from of.finish(left[name])

    for _ in given.track(finished(), total=sum(map(len, left.values())), what="training"):
        pass


def gathered(given: Given, plan: Plan, names: Sequence[str]) -> list[Trained]:
    """All trainings of the plan, none of which is missing."""
    found: list[Trained] = []
    for name in names:
        known = _left_by_train(given, name)
        units = _units(given, name)
        for unit in _lacking(given, name, plan):
            done = units.read(unit)
            known[unit] = Trained(name, unit, done.target, done.rows, done.frame)
        found += [known[unit] for unit in plan.units]
    return found


def _units(given: Given, name: str) -> Units:
    return Units(given.workspace, name, given.pipeline.candidates[name], given.built.task, given.pipeline.seed)


def _lacking(given: Given, name: str, plan: Plan) -> list[Unit]:
    """What `train` did not leave."""
    known = _left_by_train(given, name)
    return [unit for unit in plan.units if unit not in known]


def _left_by_train(given: Given, name: str) -> dict[Unit, Trained]:
    """The training of the candidate's model, and those with the further seeds that `train.seeds` asked for."""
    paths = given.workspace.run(name)
    metrics = read_json(need(paths.details, "train"))
    rows = len(read_frame(given.workspace.split("train")))
    first = Unit(given.pipeline.seed)
    found = {first: Trained(name, first, metrics["target"], rows, read_predictions(need(paths.predictions, "train")))}
    if "seeds" not in metrics:
        return found
    further = read_predictions(need(paths.seeds, "train"))
    for one in metrics["seeds"]:
        unit = Unit(one["seed"])
        frame = further[further["seed"] == unit.seed].drop(columns="seed").reset_index(drop=True)
        found[unit] = Trained(name, unit, one["target"], rows, frame)
    return found


def _duration(given: Given, left: Mapping[str, Sequence[Unit]], total: int) -> str:
    """How long it will take, by how long the candidates' own trainings took."""
    todo = sum(map(len, left.values()))
    if not todo:
        return f"{total} trainings, all of them done already"
    seconds = 0.0
    for name, units in left.items():
        once = read_json(need(given.workspace.run(name).record, "train"))["measured"]["seconds"]
        seconds += once * sum(unit.fraction for unit in units)
    return f"{todo} of {total} trainings to do: about {duration(seconds)}"
