"""Peers of bench/search.py: a search by `optuna` or by `ray` around the tuned `Trainer` of `trainer.py`.

Texts are tokenized once; images are decoded each time, by two workers. Both draw the same space with Optuna's TPE, one
trial at a time, and stop a trial below the median of the others. Prints, as JSON, the seconds of each trial and its
best accuracy, null where it was stopped. Ray is not among the requirements: `uv pip install "ray[tune]"`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import optuna

from peers.datasets import prepare
from peers.setup import Setup, load_network
from peers.trainer import load_collator, train

Trial = Callable[[float, int, Callable[[float], None]], None]
"""Trains at a rate and a batch size. The last hears each evaluation's accuracy; what it raises ends the training."""
Taken = list[tuple[float, float | None]]
"""Seconds and best accuracy of each trial."""


@dataclass(frozen=True)
class Asked:
    """What to search.

    Attributes:
        setup: whose rate and batch size are open.
        rates: the ends of the range, drawn by their logarithm.
        start: trials at random before TPE.
    """

    setup: Setup
    rates: tuple[float, float]
    batches: list[int]
    trials: int
    start: int

    @property
    def sampler(self) -> optuna.samplers.TPESampler:
        return optuna.samplers.TPESampler(seed=self.setup.seed, n_startup_trials=self.start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=["optuna", "ray"])
    how = parser.parse_args().how
    given = json.load(sys.stdin)
    asked = Asked(**given | {"setup": Setup(**given["setup"])})
    data, collator = prepare(asked.setup)(False), load_collator(asked.setup)

    def trial(rate: float, batch_size: int, evaluated: Callable[[float], None]) -> None:
        setup = replace(asked.setup, rate=rate, batch_size=batch_size)
        train(setup, load_network(setup), data, evaluated, collator=collator, tuned=True)

    print(json.dumps((by_ray if how == "ray" else by_optuna)(asked, trial)))


def by_optuna(asked: Asked, trial: Trial) -> Taken:
    taken: Taken = []

    def objective(drawn: optuna.Trial) -> float:
        began, seen = time.perf_counter(), []

        def evaluated(accuracy: float) -> None:
            seen.append(accuracy)
            drawn.report(accuracy, len(seen))
            if drawn.should_prune():
                taken.append((time.perf_counter() - began, None))
                raise optuna.TrialPruned

        rate = drawn.suggest_float("rate", *asked.rates, log=True)
        trial(rate, drawn.suggest_categorical("batch_size", asked.batches), evaluated)
        taken.append((time.perf_counter() - began, max(seen)))
        return max(seen)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=asked.sampler, pruner=optuna.pruners.MedianPruner(n_startup_trials=5)
    )
    study.optimize(objective, n_trials=asked.trials)
    return taken


def by_ray(asked: Asked, trial: Trial) -> Taken:
    import ray
    from ray import tune
    from ray.tune.schedulers import MedianStoppingRule
    from ray.tune.search.optuna import OptunaSearch

    def objective(point: dict[str, Any], trial: Trial) -> None:
        seen: list[float] = []

        def evaluated(accuracy: float) -> None:
            seen.append(accuracy)
            tune.report({"accuracy": accuracy, "best": max(seen)})

        trial(point["rate"], point["batch_size"], evaluated)

    # The modules of this folder are found by its workers too.
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": "."}})
    found = tune.Tuner(
        tune.with_resources(tune.with_parameters(objective, trial=trial), {"cpu": 2}),
        param_space={"rate": tune.loguniform(*asked.rates), "batch_size": tune.choice(asked.batches)},
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=asked.trials,
            max_concurrent_trials=1,
            search_alg=OptunaSearch(sampler=asked.sampler),
            scheduler=MedianStoppingRule(grace_period=1, min_samples_required=5),
        ),
        run_config=tune.RunConfig(verbose=0),
    ).fit()
    done = sorted((one.metrics for one in found), key=lambda seen: seen["timestamp"])
    epochs = asked.setup.epochs
    return [(seen["time_total_s"], seen["best"] if seen["training_iteration"] == epochs else None) for seen in done]


if __name__ == "__main__":
    main()
