"""Measure three methods of adaptation on some of the rows, and suggest those that fit into a budget."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from finetrail.adaptation.full import Full
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.commands.suggest.budget import rounded, said_seconds
from finetrail.commands.suggest.proposing import Suggested, Suggestion, fitted
from finetrail.errors import ConfigError, ModelError
from finetrail.programs.run import Say
from finetrail.progress import Track
from finetrail.sections import Params
from finetrail.training.candidate import Candidate
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from finetrail.commands.suggest.measuring import Bench
    from finetrail.training.pace import Pace
    from finetrail.training.rates import RangeTest

LOWEST = {"linear_probe": 1e-4, "lora": 1e-5, "full": 1e-6}
"""Where the range test of each method begins."""
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 150, 3, 20
"""A new candidate has as many epochs as give so many steps, within these bounds."""
BESIDE = 0.1
"""A head's rate beside a backbone that trains, as a share of its rate alone: the features that it reads move."""
CHEAP = {"epochs": 50, "patience": 5}
"""Where further epochs cost next to nothing, progress ends the training."""


@dataclass(frozen=True)
class _Paced:
    """A method and its pace. Attributes: changed: settings that differ from those of params.yaml."""

    name: str
    candidate: Candidate
    changed: dict[str, Any]
    pace: "Pace"


def suggest(workspace: Workspace, params: Params, minutes: float, say: Say, track: Track) -> Suggested:
    """Suggest candidates; the rates depend only on rows, settings and seed, the rest on this machine too.

    Args:
        workspace: with the splits.
        minutes: for all trainings together.
        say: hears what comes next, and how long it will take.

    Raises:
        WorkspaceError: there are no splits.
        ModelError: the backbone cannot be loaded.
    """
    from finetrail.commands.suggest.measuring import Bench

    bench = Bench(workspace, params, track)
    rows, sampled = bench.counts["train"], len(bench.sample["train"])
    say(f"measuring on {sampled} of {rows} training rows: a minute or two on two cores, less on more")
    resident = bench.resident(_start(params, Full(method="full"))[1])
    paced, left_out = _paced(bench, params)
    head: float | None = None
    measured = []
    for one in paced:
        say(f"{one.name}: raising the learning rate; about {said_seconds(bench.sweep_seconds(one.pace))}")
        found = _rated(bench, one, head)
        if isinstance(one.candidate.adaptation, LinearProbe):
            rate = found.train.get("learning_rate")
            head = rate and rounded(rate * BESIDE)
        measured.append(replace(found, memory=found.memory + resident))
    suggested = fitted(measured, minutes)
    return Suggested(suggested.candidates, left_out | suggested.left_out)


def _start(params: Params, adaptation: Adaptation) -> tuple[str, Candidate, bool]:
    """The name, a candidate, and whether params.yaml has it: one that adapts by that method and has no search."""
    of_method = {name: one for name, one in params.candidates.items() if one.adaptation.method == adaptation.method}
    for name, one in of_method.items():
        if one.search is None:
            return name, one, True
    taken = adaptation.method in params.candidates and not of_method
    name = next(iter(of_method), f"{adaptation.method}-suggested" if taken else adaptation.method)
    backbone = next(iter(params.candidates.values())).backbone
    return name, Candidate(adaptation=adaptation, backbone=backbone, train=params.train), False


def _paced(bench: "Bench", params: Params) -> tuple[list[_Paced], dict[str, str]]:
    """The methods that work here, the cheapest first, and why the others do not."""
    from finetrail.inference.memory import out_of_memory

    methods: list[Adaptation] = [LinearProbe(method="linear_probe"), Lora(method="lora"), Full(method="full")]
    batch = bench.batch(_start(params, methods[-1])[1])
    sized = {"batch_size": batch.size, "accumulate": batch.accumulate}
    epochs = min(max(FEWEST_EPOCHS, -(-STEPS * batch.step // bench.counts["train"])), MOST_EPOCHS)
    found, left_out = [], {}
    for method in bench.track(methods, total=len(methods), what="measuring the pace"):
        name, start, given = _start(params, method)
        wanted = sized if given else sized | {"epochs": epochs}
        try:
            pace = bench.pace(start.trained_with(**wanted))
        except (ConfigError, ModelError) as error:
            left_out[name] = str(error)
            continue
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            left_out[name] = f"memory is too small for {batch.size} examples"
            continue
        if pace.once and not given:
            wanted |= CHEAP
        changed = {key: value for key, value in wanted.items() if key == "epochs" or getattr(start.train, key) != value}
        found.append(_Paced(name, start.trained_with(**wanted), changed, pace))
    return found, left_out


def _rated(bench: "Bench", one: _Paced, head: float | None) -> Suggestion:
    """The candidate with the rate that its range test finds. Args: head: the rate for a head beside a backbone."""
    given = one.candidate.train.head_learning_rate
    own = None if isinstance(one.candidate.adaptation, LinearProbe) else head or given
    candidate = one.candidate.trained_with(head_learning_rate=own)
    test = bench.rates(candidate, LOWEST[one.candidate.adaptation.method])
    rates: dict[str, Any] = {"learning_rate": rounded(test.best)} if test.learned else {}
    rates |= {} if own == given else {"head_learning_rate": own}
    settings = candidate.train
    return Suggestion(
        one.name,
        {"method": candidate.adaptation.method},
        one.changed | rates,
        settings.batch_size * settings.accumulate,
        one.pace.seconds(settings),
        one.pace.evaluations(settings),
        one.pace.memory(settings),
        ranked=test.learned and isinstance(candidate.adaptation, Lora),
        why=_why(test),
    )


def _why(test: "RangeTest") -> str:
    if not test.learned:
        return "no rate lowered the loss, so it stays as it was"
    falls = f"falls fastest at {rounded(test.best):g} and " if test.best == test.steepest else ""
    return f"the loss {falls}rises above {rounded(test.edge):g}"
