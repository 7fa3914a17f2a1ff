"""Stage `test`: score the one chosen model on the test split, once, and write the report."""

import csv
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from finetrail.data.store.shards import Contents, pick, read_frame
from finetrail.evaluation.report.figures import Curve, Panel
from finetrail.evaluation.report.page import SEALED, Report, SplitFacts
from finetrail.evaluation.report.previews import read_seen
from finetrail.evaluation.selection import Choice, Selection
from finetrail.inference.predict import predict
from finetrail.progress import Track, quiet
from finetrail.registry import scorings
from finetrail.registry.ledger import Ledger, author
from finetrail.runs import hashes, tracking
from finetrail.runs.curves import Point, read_curve
from finetrail.runs.record import RunRecord
from finetrail.runs.tracking import Tracker
from finetrail.targets.problem import METRICS
from finetrail.targets.scoring import Answered, Measured, scoring_of
from finetrail.tasks.registry import get_entry, load_model
from finetrail.workspace import RunPaths, Workspace, need, read_json, replacing, write_json

BATCH = 64
MODEL = "model sha256"


@dataclass(frozen=True)
class Tested:
    """What `test` did. Attributes: models_scored: different ones on this test split so far, by the ledger."""

    candidate: str
    evaluation: Any
    models_scored: int


def score_test(
    workspace: Workspace, *, project: str, task_name: str, settings: Selection, track: Track = quiet
) -> Tested:
    """Write `data/reports/test` for the model that `select` chose, and log its scores to the run that trained it."""
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    column = get_entry(task_name).column
    split = workspace.split("test")
    rows = read_frame(split)
    built = load_model(need(workspace.model(choice.chosen), "train"))
    inputs = built.processor.encode(Contents(split, column), scratch=workspace.scratch)
    outputs = predict(built.model, inputs, BATCH, track, "testing")
    paths = workspace.run(choice.chosen)
    trained = read_json(paths.metrics)
    scoring = scoring_of(built.problem)
    answered = Answered(rows, outputs, built.labels, trained)
    evaluation = scoring.evaluate(answered, settings)
    wanted = pick(split, column, scoring.wanted(evaluation))
    previews = {row: built.processor.preview(content) for row, content in wanted.items()}
    record = RunRecord(**read_json(paths.record))
    report = Report(
        project=project,
        task=task_name,
        model=_model(record.params),
        evaluation=evaluation,
        previews=previews,
        seen=read_seen(need(paths.seen, "train")),
        choice=choice,
        panels=_panels(paths, choice.metric, trained["best_epoch"]),
        split=SplitFacts.from_json(read_json(need(workspace.split_report, "split"))),
        lineage={
            "MLflow run": record.run_id,
            MODEL: hashes.hash_folder(workspace.model(choice.chosen)),
            **{f"{data['name']} split": data["digest"] for data in record.datasets},
            "settings sha256": hashes.hash_of(record.params),
        },
    )
    with replacing(workspace.test_report) as folder:
        write_json(folder / "metrics.json", evaluation.as_json("test"))
        (folder / "report.html").write_text(scoring.render(report), encoding="utf-8")
        answers = {"id": rows["id"], "label": rows["label"], **scoring.answers(answered)}
        pd.DataFrame(answers).to_parquet(folder / "predictions.parquet", index=False, compression="zstd")
        scoring.confusion(answered).to_csv(folder / "confusion.csv", index=False)
        mistakes = scoring.errors(evaluation, previews)
        # All texts are quoted: without, a lone carriage return inside of one would end its row.
        mistakes.to_csv(folder / "errors.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    tracker = tracking.connect(workspace, project)
    run_id = tracker.resume(paths)
    _log(tracker, run_id, workspace, evaluation, scoring.logged(evaluation))
    scored = _enter(tracker, run_id, workspace, report)
    return Tested(choice.chosen, evaluation, scored)


def _model(params: dict[str, str]) -> str:
    """The backbone in a few words: its name, where it has one, and its weights without their checksum."""
    given = [params[key] for key in ("backbone.name", "backbone.weights") if key in params]
    return ", ".join(value.partition("#")[0] for value in given)


def _panels(paths: RunPaths, metric: str, best_epoch: float) -> list[Panel]:
    train, val = read_curve(paths.train_curve), read_curve(paths.val_curve)
    loss = (_curve("training", train, "loss"), _curve("validation", val, "loss"))
    return [
        Panel("loss", loss, best_epoch),
        Panel(f"validation {METRICS[metric].title}", (_curve("validation", val, metric),), best_epoch),
    ]


def _curve(name: str, points: list[Point], value: str) -> Curve:
    return Curve(name, tuple((point["epoch"], point[value]) for point in points))


def _log(tracker: Tracker, run_id: str, workspace: Workspace, evaluation: Measured, more: dict[str, float]) -> None:
    scores = {f"test_{name}": interval.value for name, interval in evaluation.metrics.items()}
    tracker.log(run_id, scores | more)
    tracker.tag(run_id, {"finetrail.tested": "yes"})
    for name in ("metrics.json", "errors.csv"):
        tracker.upload(run_id, workspace.test_report / name, "test")


def _enter(tracker: Tracker, run_id: str, workspace: Workspace, report: Report[Any]) -> int:
    """Enter the scoring in the ledger. MLflow's copy of the report tells what no out may hold: how many there were."""
    ledger = Ledger(tracker, report.project, author(workspace.root))
    test_split = report.split.sha256["test"]
    scorings.publish(
        ledger,
        run_id,
        workspace.test_report / scorings.FILE,
        model=report.lineage[MODEL],
        test_split=test_split,
        metrics={name: interval.value for name, interval in report.evaluation.metrics.items()},
    )
    scored = len(ledger.read().scored(test_split))
    html = (workspace.test_report / "report.html").read_text(encoding="utf-8")
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "report.html"
        copy.write_text(
            html.replace(SEALED, f"{SEALED} When this copy was made, they were {scored}."), encoding="utf-8"
        )
        tracker.upload(run_id, copy, "test")
    return scored
