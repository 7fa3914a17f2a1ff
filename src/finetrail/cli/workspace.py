"""The `finetrail` commands that set a workspace up, look at it, and help with a search."""

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from finetrail.cli.answers import USE
from finetrail.cli.console import bar, one_line_errors, out
from finetrail.cli.opened import open_workspace
from finetrail.cli.written import Json, put
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace

app = typer.Typer()


@app.command(rich_help_panel=USE)
@one_line_errors
def check() -> None:
    """Check params.yaml without running anything."""
    _, params = open_workspace()
    from finetrail.commands.check import notes

    for note in notes(params):
        out.print(note)
    out.print(f"params.yaml is valid: {params.task.name}, candidates {', '.join(params.candidates)}")


@app.command(rich_help_panel=USE)
@one_line_errors
def doctor(json: Json = None) -> None:
    """Check git, DVC, MLflow, packages, disk, data and servers; print what is wrong with what mends it."""
    from finetrail.commands.doctor import doctor as command
    from finetrail.commands.doctor import summary

    findings = []
    for finding in command(Workspace(Path.cwd())):
        findings.append(finding)
        out.print(finding.line)
    put(json, [finding.as_json() for finding in findings])
    out.print(summary(findings))


@app.command(rich_help_panel=USE)
@one_line_errors
def init(
    data: Annotated[Path, typer.Argument(metavar="FILE-OR-FOLDER", help="A table, a folder or an archive.")],
    *,
    text: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="A column to read; may be repeated.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="The column to learn; repeated, all of them are learnt at once."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Hugging Face's name of what is to be learnt, or the kind of problem.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take the best guess.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a params.yaml that has edits.")] = False,
) -> None:
    """Begin with your own data: look at it, put it into data/input, write params.yaml for it."""
    from finetrail.cli.asking import chooser
    from finetrail.commands.init import init as command
    from finetrail.starting.asking import Asked

    asked = Asked(
        chooser(yes=yes, terminal=sys.stdin.isatty()), tuple(text or ()), tuple(dict.fromkeys(label or ())), task
    )
    done = command(Workspace(Path.cwd()), data, asked, os.environ, out.print, force=force)
    if done.copied:
        out.print(f"copied to {done.place}, which DVC tracks")
    out.print(f"params.yaml is for {done.task}, from the recipe {done.recipe}; run `dvc repro`")


@app.command(rich_help_panel=USE)
@one_line_errors
def use(
    name: Annotated[
        str | None, typer.Argument(help="A recipe in recipes/, without .yaml; without one, they are listed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a params.yaml that has edits.")] = False,
) -> None:
    """Put a recipe in place as params.yaml, or list the recipes."""
    from finetrail.commands.recipes import listed
    from finetrail.commands.recipes import use as command

    if name is None:
        for line in listed(Workspace(Path.cwd())):
            out.print(line)
        return
    command(Workspace(Path.cwd()), name, force=force)
    out.print(f"params.yaml is now the recipe {name}; run `dvc repro`")


@app.command(rich_help_panel=USE)
@one_line_errors
def suggest(
    file: Annotated[
        Path | None,
        typer.Argument(help="A CSV, TSV, JSONL or Parquet file to begin with; by default the rows of this workspace."),
    ] = None,
    *,
    minutes: Annotated[float, typer.Option(help="For all trainings together.", min=0.1)] = 20,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change in params.yaml; write nothing.")] = False,
    text: Annotated[str | None, typer.Option(help="The column of the file that the model reads.")] = None,
    label: Annotated[str | None, typer.Option(help="The column of the file with the labels.")] = None,
) -> None:
    """Measure methods, rates, time and memory on some rows; write candidates that fit into a budget."""
    from finetrail.commands.suggest.command import Asked, run, table

    done = run(Workspace(Path.cwd()), Asked(minutes, file, text, label, only_show=diff), out.print, bar)
    for part in table(done):
        out.print(part)
    if diff:
        for line in done.changed.splitlines() or ["params.yaml would stay as it is"]:
            out.print(line)
        return
    if done.moved:
        out.print(f"{file} was copied to {done.moved}; run `dvc add {shlex.quote(done.moved)}`")
    out.print("params.yaml has these candidates now; run `git diff params.yaml` to see them, and `dvc repro`")


@app.command(rich_help_panel=USE)
@one_line_errors
def preview(
    candidate: Annotated[str | None, typer.Argument(help="One of the candidates; the first by default.")] = None,
    *,
    rows: Annotated[int, typer.Option(help="How many examples to show.", min=1)] = 3,
    json: Json = None,
) -> None:
    """Show examples as the model will read them, with what it learns of each in colour; train nothing."""
    workspace, params = open_workspace()
    name = candidate or next(iter(params.candidates))
    if name not in params.candidates:
        raise ConfigError(f"candidate {name!r} is not in params.yaml; it has {', '.join(params.candidates)}")
    from finetrail.commands.preview import lines
    from finetrail.commands.preview import preview as command

    found = command(workspace, params.task.task, params.candidates[name], seed=params.seed, most=rows, track=bar)
    for example in found.examples:
        for line in lines(example, marked=out.color_system is None or out.no_color):
            out.print(line)
    out.print(f"{name}: {found.said}")
    put(json, found.as_json())


@app.command(rich_help_panel=USE)
@one_line_errors
def show(json: Json = None) -> None:
    """Show the last results: candidates, choice, test scores, registered version."""
    workspace, params = open_workspace()
    from finetrail.commands.show import show as command
    from finetrail.commands.show import shown

    for part in command(workspace, params.project, params.task.task.target.metrics):
        out.print(part)
    if json is not None:
        put(json, shown(workspace))


@app.command(rich_help_panel=USE)
@one_line_errors
def ui(port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65_535)] = 5000) -> None:
    """Open MLflow over this workspace's runs, on loopback."""
    workspace, params = open_workspace()
    from finetrail.commands.compared import compared_runs
    from finetrail.commands.ui import ui as command

    def ready(address: str) -> None:
        out.print(f"MLflow answers at {address}; stop it with Ctrl-C")
        if compared := compared_runs(workspace, params.project, port):
            out.print(f"all candidates side by side: {compared}")

    command(workspace, params.project, port, ready)


@app.command(rich_help_panel=USE)
@one_line_errors
def trials(candidate: Annotated[str, typer.Argument(help="One of the candidates with a search.")]) -> None:
    """Help `finetrail train` with the trials of a search, from another process or machine; it chooses in the end."""
    workspace, params = open_workspace()
    searched = {name: one.search for name, one in params.candidates.items() if one.search is not None}
    if candidate not in searched:
        raise ConfigError(f"candidate {candidate!r} has no search; those with one: {', '.join(searched) or 'none'}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from finetrail.inference.launch import one_of_several

    with one_of_several():
        from finetrail.search.problem import Problem
        from finetrail.search.searching import help_with

        open_one, search = params.candidates[candidate], searched[candidate]
        problem = Problem(workspace, params.project, params.task.task, candidate, open_one, search, params.seed)
        done = help_with(problem, bar)
    out.print(f"carried out {done} trials of {candidate}; `dvc repro` or `finetrail train {candidate}` chooses")
