"""The `finetrail` commands that use trained models: answer, export, compare, and review labels."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from finetrail.cli.console import bar, one_line_errors, out
from finetrail.cli.opened import open_workspace
from finetrail.cli.written import PIPE, Json, piped, put

app = typer.Typer()
USE = "For people"
Model = Annotated[
    str | None,
    typer.Option(
        help="A number, an alias, models:/NAME@ALIAS, a candidate or a folder; by default the champion, else the "
        "version of this workspace."
    ),
]


@app.command(rich_help_panel=USE)
@one_line_errors
def predict(
    source: Annotated[
        Path,
        typer.Argument(
            help="A CSV, TSV, JSONL or Parquet file, or - for standard input; of images also a folder, an archive or "
            "one image."
        ),
    ],
    target: Annotated[Path, typer.Argument(help="The scored file: .csv, .jsonl or .parquet; - for standard output.")],
    *,
    column: Annotated[
        list[str] | None, typer.Option(help="The column to score, or each of several; those of params.yaml by default.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="A column of the source to keep beside the answers; all by default.")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add the probability of every class, the likeliest first.")
    ] = False,
    top: Annotated[int | None, typer.Option(help="Add the probabilities of this many classes.", min=1)] = None,
    model: Model = None,
    as_served: Annotated[
        bool, typer.Option("--as-served", help="Run the code that was registered with the model, as MLflow serves it.")
    ] = False,
) -> None:
    """Score a file, or a folder of images, with a trained model; after a kill, resume where it stopped."""
    workspace, params = open_workspace()
    from finetrail.commands.predict import predict as command
    from finetrail.commands.scored import first_refused
    from finetrail.registry.meant import model_meant

    uri, said = model_meant(workspace, params.project, model)
    columns = column or params.source.columns.contents
    labelled = None if column else params.source
    content = params.task.task.content
    asked = {"probabilities": True} if probabilities else {}
    with piped(workspace, source, target) as (given, scored):
        done = command(
            workspace,
            uri,
            given,
            scored,
            content=content,
            columns=columns,
            labelled=labelled,
            csv=params.source.csv,
            keep=keep,
            asked=asked if top is None else asked | {"top": top},
            as_served=as_served,
            track=bar,
        )
        out.print(f"scored {done.rows} rows with {said}: {target}")
        if done.rejects:
            where = f": {done.rejects}" if target != PIPE else ""
            out.print(f"{done.rejected} rows could not be scored ({first_refused(done.rejects)}){where}")


@app.command(rich_help_panel=USE)
@one_line_errors
def export(
    folder: Annotated[Path, typer.Argument(help="The folder to write.")],
    model: Model = None,
    form: Annotated[
        Literal["hf", "onnx", "finetrail"],
        typer.Option(
            "--format",
            help="hf: transformers, sentence-transformers, timm, torchvision or torch; onnx; or finetrail: as it is.",
        ),
    ] = "hf",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write a model, with a card, as a folder that other libraries load without finetrail."""
    workspace, params = open_workspace()
    from finetrail.commands.export import export as command
    from finetrail.registry.meant import model_meant

    uri, said = model_meant(workspace, params.project, model)
    done = command(workspace, uri, folder, project=params.project, form=form, force=force)
    how = "" if form == "finetrail" else "; its README.md shows how to load it"
    out.print(f"exported {said}, for {done.library}: {folder}{how}")
    if done.compared:
        out.print(done.compared)


@app.command(rich_help_panel=USE)
@one_line_errors
def compare(
    latency: Annotated[
        bool, typer.Option("--latency", help="Load every model, and measure its time per row, one row at a time.")
    ] = False,
    rows: Annotated[int, typer.Option(help="Validation rows for --latency.", min=1)] = 100,
    metric: Annotated[
        str | None, typer.Option(help="A metric of the task; by default the one that the selection went by.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The folder for compare.html and compare.json; by default .finetrail/compare.")
    ] = None,
    json: Json = None,
) -> None:
    """Compare all candidates: quality, costs, Pareto fronts, and how often their answers differ."""
    workspace, params = open_workspace()
    from finetrail.commands.compare.comparison import Timing
    from finetrail.commands.compare.comparison import compare as command
    from finetrail.commands.compare.page import folder_for, write
    from finetrail.commands.compare.table import table

    folder = folder_for(workspace, output)
    timing = Timing(rows, out.print, bar) if latency else None
    task = params.task.task
    project, settings = params.project, params.selection
    found = command(workspace, project=project, task=task, settings=settings, metric=metric, timing=timing)
    page = write(found, folder)  # first: a pipe such as `| head` may close early
    for part in table(found):
        out.print(part)
    out.print(f"page: {page.relative_to(workspace.root) if page.is_relative_to(workspace.root) else page}")
    put(json, found.as_json())


@app.command(rich_help_panel=USE)
@one_line_errors
def review(port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65_535)] = 5010) -> None:
    """Go through the labels that `assess.labels` suspects, on a page; write data/corrections.csv."""
    workspace, params = open_workspace()
    from finetrail.commands.review.review import review as command

    def ready(address: str, count: int) -> None:
        out.print(f"{count} suspects at {address}; stop it with Ctrl-C")

    command(workspace, params.task.task.target, params.source.columns, port, ready)
    out.print("then `dvc repro` applies data/corrections.csv")
