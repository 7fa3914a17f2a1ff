"""The `finetrail` command: one command a stage, which dvc.yaml calls, and those that a person calls."""

import os
from pathlib import Path
from typing import Annotated

import typer

from finetrail.config import Params, load_params
from finetrail.console import bar, one_line_errors, out
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace

app = typer.Typer(
    name="finetrail",
    help="Fine-tuning with an audit trail. The stages run in order with `dvc repro`; each is also a command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
STAGES = "Stages (dvc.yaml runs them)"
USE = "For people"


def _open() -> tuple[Workspace, Params]:
    workspace = Workspace(Path.cwd())
    return workspace, load_params(workspace.params)


@app.callback()
def main(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    if debug:
        os.environ["FINETRAIL_DEBUG"] = "1"


@app.command(rich_help_panel=STAGES)
@one_line_errors
def ingest() -> None:
    """Read the source into data/raw: Parquet shards and a manifest."""
    workspace, params = _open()
    from finetrail.stages.ingest import ingest as stage

    done = stage(workspace, params.source, bar)
    out.print(f"ingested {sum(done.rows.values())} rows ({', '.join(f'{name} {n}' for name, n in done.rows.items())})")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def train(candidate: Annotated[str, typer.Argument(help="One of the candidates in params.yaml.")]) -> None:
    """Fine-tune one candidate; write its model, curves and validation predictions."""
    workspace, params = _open()
    if candidate not in params.candidates:
        raise ConfigError(f"candidate {candidate!r} is not in params.yaml; it has {', '.join(params.candidates)}")
    from finetrail.stages.train import train as stage

    chosen = params.candidates[candidate]
    done = stage(
        workspace,
        candidate,
        project=params.project,
        task_name=params.task,
        backbone=chosen.backbone,
        adaptation=chosen.adaptation,
        settings=chosen.train,
        seed=params.seed,
        track=bar,
    )
    size = f"{done.parameters['trainable']:,} of {done.parameters['total']:,} parameters"
    out.print(f"trained {candidate}: {size}, best epoch {done.best_epoch} of {done.epochs}, {done.measured['samples_per_second']} samples/s")
    out.print("validation: " + ", ".join(f"{name} {value:.4f}" for name, value in done.metrics.items()))
