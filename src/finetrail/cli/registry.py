"""The `finetrail` commands around the registry: gate, rollback, versions, ledger."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from finetrail.cli.console import bar, one_line_errors, out
from finetrail.cli.opened import open_workspace
from finetrail.cli.written import Json, put
from finetrail.errors import LineageError, RefusedError

app = typer.Typer()
REGISTRY = "Registry"
Own = Annotated[
    str | None,
    typer.Argument(
        help="A number, an alias, models:/NAME@ALIAS or a candidate; by default the version of this workspace."
    ),
]
Meant = Annotated[
    str | None,
    typer.Argument(
        help="A number, an alias, models:/NAME@ALIAS or a candidate; by default the champion, else the version of this "
        "workspace."
    ),
]


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def promote(
    version: Own = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge, but change nothing.")] = False,
    accept_looser: Annotated[
        bool, typer.Option("--accept-looser-gate", help="Though the champion passed a stricter one.")
    ] = False,
    json: Json = None,
) -> None:
    """Put a version through the gate; if it passes, it becomes `champion`."""
    workspace, params = open_workspace()
    from finetrail.commands.promote import promote as command
    from finetrail.commands.promote import table

    done = command(
        workspace,
        project=params.project,
        task=params.task.task,
        settings=params.judged_by,
        version=version,
        dry_run=dry_run,
        accept_looser=accept_looser,
        track=bar,
    )
    for part in table(done):
        out.print(part)
    put(json, done.as_json())
    if done.verdict is not None and not done.verdict.passed:
        out.print(f"ledger head {done.head}")
        failed = ", ".join(one.rule for one in done.verdict.failed)
        raise RefusedError(f"{done.address} does not become champion: it fails {failed}; the table says why")
    if done.entry is not None:
        out.print(f"{done.address} is the champion now: models:/{params.project}@champion")
    elif done.verdict is not None:
        out.print(f"{done.address} would become champion; nothing was changed")
    out.print(f"ledger head {done.head}")


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def rollback(
    to: Annotated[int | None, typer.Option(help="An earlier champion; the previous one by default.")] = None,
) -> None:
    """Make the previous champion `champion` again; doing it twice undoes it."""
    workspace, params = open_workspace()
    from finetrail.commands.rollback import rollback as command

    done = command(workspace, params.project, to)
    out.print(done.verdict)
    out.print(f"ledger entry {done.number}; `finetrail rollback` undoes it")


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def models(json: Json = None) -> None:
    """List the registered versions: aliases, test metric, data, what the gate said, age."""
    workspace, params = open_workspace()
    from finetrail.commands.models import models as command

    done = command(workspace, params.project, params.metric(params.gate.metric))
    for line in done.lines():
        out.print(line)
    put(json, done.as_json())


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def history(
    head: Annotated[str | None, typer.Option(help="The head as you noted it earlier, to check against.")] = None,
    json: Json = None,
) -> None:
    """Show the ledger of promotions, refusals, rollbacks and test scorings, and check that it is intact."""
    workspace, params = open_workspace()
    from finetrail.commands.history import history as command

    done = command(workspace, params.project, head)
    for line in done.lines:
        out.print(line)
    put(json, done.as_json())


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def evaluate(version: Own = None, json: Json = None) -> None:
    """Score a registered version on the test split of this workspace, and record that in the ledger."""
    workspace, params = open_workspace()
    from finetrail.commands.evaluate import evaluate as command

    done = command(
        workspace,
        project=params.project,
        task=params.task.task,
        settings=params.gate,
        version=version,
        track=bar,
    )
    for name, interval in done.metrics.items():
        out.print(f"test {name} of {done.address}: {interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})")
    out.print(f"{done.rows} rows; different models scored on this test split so far: {done.models_scored}")
    put(json, done.as_json())


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def verify(
    version: Meant = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail too where a link cannot be reached.")] = False,
    json: Json = None,
) -> None:
    """Walk from a version back to its data, source and commit, and recompute every hash on the way."""
    workspace, params = open_workspace()
    from finetrail.commands.verify import Verified, choose
    from finetrail.commands.verify import verify as command
    from finetrail.runs.tracking import connect

    tracker = connect(workspace, params.project)
    found = choose(workspace, tracker, params.project, version)
    known = found.known
    out.print(f"{found.said}, fingerprint {known.fingerprint[:16]}")
    links = []
    for link in command(workspace, tracker, known):
        links.append(link)
        out.print(link.line)
    done = Verified(known, tuple(links))
    put(json, done.as_json())
    bad, lost = done.count("BROKEN"), done.count("UNREACHABLE")
    out.print(f"{len(links)} links: {done.count('OK')} hold, {bad} broken, {lost} cannot be reached from here")
    if bad or (strict and lost):
        failed = ", ".join(link.name for link in links if link.state == ("BROKEN" if bad else "UNREACHABLE"))
        what = "does not lead back to its data" if bad else "cannot be followed back from here"
        raise LineageError(f"{known.address} {what}: {failed}; the lines above say what to do")


@app.command(rich_help_panel=REGISTRY)
@one_line_errors
def reproduce(
    version: Meant = None,
    exact: Annotated[bool, typer.Option("--exact", help="Fail unless the weights are the same bits.")] = False,
    tolerance: Annotated[
        float, typer.Option(min=0, help="How far apart validation metrics may be where the bits differ.")
    ] = 0.02,
    keep: Annotated[Path | None, typer.Option(help="Build it in this folder, and leave it there.")] = None,
    json: Json = None,
) -> None:
    """Train a version again from a fresh clone of its commit, and compare the bits, or else the validation metrics."""
    workspace, params = open_workspace()
    from finetrail.commands.reproduce import reproduce as command
    from finetrail.commands.verify import choose
    from finetrail.runs.tracking import connect

    # SIGTERM, which ends containers and batch jobs, acts like Ctrl-C: child processes end too, the clone is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tracker = connect(workspace, params.project)
    found = choose(workspace, tracker, params.project, version)
    out.print(f"{found.said}, fingerprint {found.known.fingerprint[:16]}")
    done = command(workspace, tracker, found.known, tolerance=tolerance, keep=keep, say=out.print)
    for line in done.lines:
        out.print(line)
    put(json, done.as_json())
    done.insist(exact=exact)
