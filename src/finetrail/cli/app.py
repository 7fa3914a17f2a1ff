"""The `finetrail` command: one command per stage, called by dvc.yaml, and those for people."""

import os
import signal
from functools import partial
from importlib.metadata import version
from typing import Annotated

import typer

from finetrail.cli import answers, registry, workspace
from finetrail.cli.console import bar, one_line_errors, out
from finetrail.cli.opened import open_workspace
from finetrail.errors import ConfigError
from finetrail.workspace import SPLITS, Workspace

app = typer.Typer(
    name="finetrail",
    help="Fine-tuning with an audit trail. The stages run in order with `dvc repro`; each is also a command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(workspace.app)
app.add_typer(answers.app)
app.add_typer(registry.app)
STAGES = "Stages (dvc.yaml runs them)"


def _run(*arguments: str) -> None:
    """Run a command of another process in this one."""
    app(arguments)


def _version(asked: bool) -> None:
    if asked:
        out.print(f"finetrail {version('finetrail')}")
        raise typer.Exit


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Apply the options that every command shares."""
    if debug:
        os.environ["FINETRAIL_DEBUG"] = "1"


@app.command(rich_help_panel=STAGES)
@one_line_errors
def ingest() -> None:
    """Read the source into data/raw: Parquet shards and a manifest."""
    workspace, params = open_workspace()
    from finetrail.stages.ingest import ingest as stage

    done = stage(workspace, params.source, bar)
    for note in done.notes:
        out.print(note)
    out.print(f"ingested {sum(done.rows.values())} rows ({', '.join(f'{name} {n}' for name, n in done.rows.items())})")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def validate() -> None:
    """Check the manifest against the rules in params.yaml; quarantine rows, or stop."""
    workspace, params = open_workspace()
    from finetrail.stages.validate import validate as stage

    done = stage(workspace, params.validation, params.task.task.target)
    out.print(f"{done.rows.ingested} ingested = {done.rows.passed} passed + {done.rows.quarantined} quarantined")
    for finding in done.findings:
        if finding.unexpected:
            out.print(f"  {finding.rule.name}: {finding.message}")
    out.print(f"report: {(workspace.validation / 'data_docs' / 'index.html').relative_to(workspace.root)}")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def split() -> None:
    """Divide the rows into train, val and test; duplicates and near duplicates never cross."""
    workspace, params = open_workspace()
    from finetrail.stages.split import split as stage

    done = stage(workspace, params.split, params.task.task.target, bar)
    used = ", ".join(f"{name} {done.rows[name]}" for name in SPLITS)
    out.print(
        f"split by {params.split.method}: {used}; {done.rows['quarantined_by_split']} removed as (near) duplicates"
    )
    for warning in done.warnings:
        out.print(f"  warning: {warning}")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def unlabelled(name: Annotated[str, typer.Argument(help="One of the sets of `unlabelled` in params.yaml.")]) -> None:
    """Read rows without labels; leave out what cannot be used, and what is near to a labelled row."""
    workspace, params = open_workspace()
    if name not in params.unlabelled:
        known = f"it has {', '.join(params.unlabelled)}" if params.unlabelled else "add it there"
        raise ConfigError(f"unlabelled.{name} is not in params.yaml; {known}")
    from finetrail.stages import unlabelled as stage

    checking = stage.Checking(params.task.task.content, params.source, params.validation, params.split)
    done = stage.unlabelled(workspace, name, params.unlabelled[name], checking, bar)
    out.print(f"{name}: {done.ingested} rows = {done.kept} kept + {done.ingested - done.kept} left out")
    for why, count in done.aside.items():
        out.print(f"  {why}: {count}")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def train(candidate: Annotated[str, typer.Argument(help="One of the candidates in params.yaml.")]) -> None:
    """Fine-tune one candidate; write its model, curves and validation predictions."""
    workspace, params = open_workspace()
    if candidate not in params.candidates:
        raise ConfigError(f"candidate {candidate!r} is not in params.yaml; it has {', '.join(params.candidates)}")
    from finetrail.inference.launch import launch, launched, one_of_several

    uncommitted = _without_commit(workspace)
    # SIGTERM, which ends containers and batch jobs, acts like Ctrl-C: MLflow hears of it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = params.candidates[candidate]
    if chosen.train.processes > 1 and not launched():
        import finetrail.stages.train  # noqa: F401  (once for all, which are forked from this process)

        launch(chosen.train.processes, partial(_run, "train", candidate))
        return
    with one_of_several():
        from finetrail.stages.train import train as stage

        done = stage(
            workspace,
            candidate,
            chosen,
            project=params.project,
            task=params.task.task,
            seed=params.seed,
            track=bar,
            tell=out.print,
            helper=partial(_run, "trials", candidate),
        )
    if done is None:  # another of several processes reports
        return
    size = f"{done.parameters['trainable']:,} of {done.parameters['total']:,} parameters"
    speed = f"{done.measured['samples_per_second']} samples/s"
    out.print(f"trained {candidate}: {size}, best epoch {done.best_epoch} of {done.epochs}, {speed}")
    out.print("validation: " + ", ".join(f"{name} {value:.4f}" for name, value in done.metrics.items()))
    if uncommitted:
        out.print(uncommitted)


@app.command(rich_help_panel=STAGES)
@one_line_errors
def select() -> None:
    """Choose a candidate by its validation results, and say why."""
    workspace, params = open_workspace()
    from finetrail.stages.select import publish
    from finetrail.stages.select import select as stage

    done = stage(workspace, params.task.task.target, params.selection, list(params.candidates), track=bar)
    publish(workspace, params.project, done.choice)
    out.print(f"chosen on {done.rows} validation rows: {done.choice.chosen}", done.choice.reason, sep="\n")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def assess(section: Annotated[str, typer.Argument(help="One of the keys of `assess` in params.yaml.")]) -> None:
    """Learn more about the chosen model than its score, without a look at test rows; write a report."""
    workspace, params = open_workspace()
    asked = params.assess.asked()
    if section not in asked:
        known = f"it has {', '.join(asked)}" if asked else "add it there"
        raise ConfigError(f"assess.{section} is not in params.yaml; {known}")
    from finetrail.stages import assess as stage

    pipeline = stage.Pipeline(params.selection, params.seed, params.split, params.candidates)
    done = stage.assess(workspace, section, asked[section], pipeline=pipeline, track=bar, tell=out.print)
    stage.publish(workspace, params.project, section)
    out.print(f"{section} of {done.candidate}: {done.said}")
    out.print(f"report: {(workspace.assessment(section) / 'report.html').relative_to(workspace.root)}")


@app.command(rich_help_panel=STAGES)
@one_line_errors
def test() -> None:
    """Score the chosen model on the test split, once; write the report."""
    workspace, params = open_workspace()
    from finetrail.stages.test import score_test

    done = score_test(workspace, project=params.project, task=params.task.task, settings=params.selection, track=bar)
    for name, interval in done.evaluation.metrics.items():
        out.print(f"test {name} of {done.candidate}: {interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})")
    if done.entry is not None:
        out.print(
            f"the model gave these answers before: entry {done.entry} of the ledger; a sample, asked again, agrees"
        )
    out.print(f"report: {(workspace.test_report / 'report.html').relative_to(workspace.root)}")
    out.print(f"different models scored on this test split so far: {done.models_scored}; see `finetrail history`")


def _without_commit(workspace: Workspace) -> str:
    """A line for people, where no commit says what is trained; refused at once, where that is not wanted."""
    from finetrail.programs.git import require_commit

    said = require_commit(workspace.root)
    return f"no commit ({said}): the lineage leads to none" if said else ""


@app.command(rich_help_panel=STAGES)
@one_line_errors
def register() -> None:
    """Put the tested model into the MLflow registry as `challenger`; the same content only once."""
    workspace, params = open_workspace()
    uncommitted = _without_commit(workspace)
    from finetrail.stages.register import register as stage

    done = stage(workspace, project=params.project, task=params.task.task, sources=params.source.addresses)
    what = "registered" if done.new else "found again"
    alias = f"also models:/{done.name}@challenger" if done.challenges else "an experiment's, so without an alias"
    out.print("; ".join(filter(None, [f"{what}: models:/{done.name}/{done.version}, {alias}", done.added])))
    if uncommitted:
        out.print(uncommitted)
