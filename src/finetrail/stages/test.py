"""Stage `test`: score the one chosen model on the test split, once, and write the report."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finetrail.data.shown import for_cell
from finetrail.data.store.shards import Contents, groups_of, metadata_of, pick, read_frame
from finetrail.errors import RoundTripError
from finetrail.evaluation.report.drawing import alone
from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import SEALED, Report, SplitFacts, page, seen_in
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.report.section import Section, Story
from finetrail.evaluation.report.slices import slices_section
from finetrail.evaluation.scores.bootstrap import Draws, Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.scores.sliced import SliceTable, slice_table
from finetrail.evaluation.selection import Choice, Selection
from finetrail.evaluation.slices import SplitRows
from finetrail.inference.questions import drawn
from finetrail.progress import Track, quiet
from finetrail.registry import scorings
from finetrail.registry.answered import Sealed, answer_once, rows_to_test
from finetrail.registry.ledger import Ledger, open_ledger
from finetrail.run_paths import RunPaths
from finetrail.runs import hashes, tracking
from finetrail.runs.record import RunRecord
from finetrail.runs.study import read_study
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import read_predictions, write_predictions
from finetrail.stages.tested_curves import panels_of
from finetrail.studies.section import search_section
from finetrail.targets.judge import Evaluation
from finetrail.targets.rivals import compared, rivals_section
from finetrail.targets.same_number import Place, same_number
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built, Task
from finetrail.workspace import Workspace, need, read_json, replacing, write_json

MODEL = "model sha256"
SAVED = Place("the saved model", "the test split was not touched: train it again with `dvc repro --force`")


@dataclass(frozen=True)
class Tested:
    """What `test` did.

    Attributes:
        models_scored: different models scored on this test split so far, by the ledger.
        entry: of the ledger, if the model had given these answers before.
    """

    candidate: str
    evaluation: Evaluation
    models_scored: int
    entry: int | None


@dataclass(frozen=True)
class _Told:
    """What the report shows of an evaluation. Attributes: compared: see `Report`."""

    metrics: Mapping[str, Interval]
    story: Story
    compared: Sequence[Section]


def score_test(workspace: Workspace, *, project: str, task: Task, settings: Selection, track: Track = quiet) -> Tested:
    """Write `data/reports/test` for the model that `select` chose, and log its scores to the run that trained it.

    Raises:
        LedgerError: the ledger is not what it was.
        ModelError: an answer is NaN or infinite.
        SplitError: there are no test rows.
        TrackingError: MLflow does not answer; the test split was not touched.
    """
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    split = workspace.split("test")
    built = load_model(need(workspace.model(choice.chosen), "train"))
    paths = workspace.run(choice.chosen)
    metric = metric_named(task.target.metrics, choice.metric)
    reloaded = _reloaded(workspace, paths, built, metric)
    rows = rows_to_test(split)
    tracker = tracking.connect(workspace, project)
    ledger = open_ledger(tracker, project, workspace.root)
    test_split = read_json(need(workspace.split_report, "split"))["sha256"]["test"]
    model = hashes.hash_folder(workspace.model(choice.chosen))
    sealed = Sealed(split, rows, test_split)
    answers, entry = answer_once(built, model, sealed, ledger, scratch=workspace.scratch, track=track)
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    evaluation = built.codec.judge.evaluate(rows, answers, draws, read_json(paths.details))
    contents = pick(split, task.content.name, evaluation.wanted)
    previews = {row: built.processor.preview(content) for row, content in contents.items()}
    held = _held(built, split)
    sliced = _sliced(built, held, answers, settings)
    rivals = built.codec.judge.rivals(held, lambda: _held(built, need(workspace.split("train"), "split")))
    beside = rivals_section(compared(built.codec, held, answers, rivals, metric=metric, draws=draws), metric)
    beside = [*built.codec.judge.by_content(held, answers, draws), *beside, *slices_section(sliced)]
    told = _Told(evaluation.metrics, evaluation.story(Gallery.of(previews)), beside)
    report = _report(workspace, project, task, choice=choice, draws=draws, rows=len(rows), told=told)
    with replacing(workspace.test_report) as folder:
        write_json(folder / workspace.test_details.name, _details(evaluation, draws, told) | {"reloaded": reloaded})
        write_json(folder / "metrics.json", _headline(evaluation, sliced))
        (folder / "report.html").write_text(page(report), encoding="utf-8")
        write_predictions(folder / "predictions.parquet", rows, built.codec, answers)
        _write_tables(folder, evaluation, previews)
    run_id = tracker.resume(paths)
    if entry is None:
        _enter(ledger, run_id, workspace, report)
    scored = len(ledger.read().scored(test_split))
    _log(tracker, run_id, workspace, evaluation=evaluation, sliced=sliced, scored=scored)
    return Tested(choice.chosen, evaluation, scored, entry)


def _held(built: Built, split: Path) -> SplitRows:
    """The rows of a split, whose contents are read where they are asked for."""
    rows, name = read_frame(split), built.task.content.name
    return SplitRows(rows["label"].tolist(), groups_of(rows), lambda: Contents(split, name), metadata_of(rows))


def _sliced(built: Built, held: SplitRows, answers: Any, settings: Selection) -> SliceTable:
    """How wrong the answers are on each declared slice."""
    judge = built.codec.judge
    declared = {name: one.rows(held) for name, one in settings.slices.items()}
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    errors = judge.row_errors(held.labels, answers)
    return slice_table(judge.row_error, errors, declared, draws, held.groups if judge.by_group else None)


def _reloaded(workspace: Workspace, paths: RunPaths, built: Built, metric: Metric) -> dict[str, float]:
    """The metric that the saved model has on validation rows, which must be the trained one before it sees a test row.

    Raises:
        RoundTripError: it has another one, or another answer.
    """
    if built.codec.described() != read_json(paths.details)["target"]:
        raise RoundTripError(
            f"{SAVED.whose} knows other labels, or reads its outputs otherwise, than the training wrote to "
            f"{paths.details}; {SAVED.remedy}"
        )
    answered = read_predictions(need(paths.predictions, "train"))
    questions = drawn(need(workspace.split("val"), "split"), built.task.content, answered, built.codec)
    said = answers_to(built, questions.contents, scratch=workspace.scratch)
    return {metric.name: same_number(questions, metric, said, SAVED)}


def _headline(evaluation: Evaluation, sliced: SliceTable) -> dict[str, Any]:
    """The content of metrics.json: few numbers, of which `dvc metrics` makes columns."""
    slices = {one.name: {"error": one.error.value} for one in sliced.slices if one.error}
    scores = {"test": {name: one.value for name, one in evaluation.metrics.items()}}
    return scores | ({"slices": slices} if slices else {})


def _details(evaluation: Evaluation, draws: Draws, told: _Told) -> dict[str, Any]:
    """The content of details.json."""
    ends = {name: {"low": one.low, "high": one.high} for name, one in evaluation.metrics.items()}
    return {
        "test": {name: one.value for name, one in evaluation.metrics.items()} | dict(evaluation.more),
        "intervals": {"confidence": draws.confidence, "resamples": draws.resamples, **ends},
        **told.story.json,
        **{key: value for section in told.compared for key, value in section.json.items()},
    }


def _write_tables(folder: Path, evaluation: Evaluation, previews: dict[str, Preview]) -> None:
    """Write errors.csv and the figures for `dvc plots`."""
    plots = folder / "plots"
    plots.mkdir()
    for name, figure in evaluation.plots().items():
        (plots / f"{name}.svg").write_text(alone(figure), encoding="utf-8")
    # Quote all texts: otherwise a lone carriage return inside one would end its row.
    evaluation.mistakes(previews).map(for_cell).to_csv(folder / "errors.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)


def _report(
    workspace: Workspace, project: str, task: Task, *, choice: Choice, draws: Draws, rows: int, told: _Told
) -> Report:
    """The content of the page, from the files of earlier stages."""
    paths = workspace.run(choice.chosen)
    record = RunRecord(**read_json(paths.record))
    metric = metric_named(task.target.metrics, choice.metric)
    return Report(
        project=project,
        task=task.name,
        model=_model(record.params),
        rows=rows,
        metrics=told.metrics,
        metric=metric,
        draws=draws,
        story=told.story,
        compared=told.compared,
        seen=seen_in(need(paths.seen, "train"), task.target.picture),
        choice=choice,
        searched=_searched(paths, choice.chosen, task),
        panels=panels_of(paths, task, record, metric),
        split=SplitFacts.from_json(read_json(need(workspace.split_report, "split"))),
        lineage={
            "MLflow run": record.run_id,
            MODEL: hashes.hash_folder(workspace.model(choice.chosen)),
            **{data["source"]: data["digest"] for data in record.datasets},
            "settings sha256": hashes.hash_of(record.params),
        },
    )


def _searched(paths: RunPaths, candidate: str, task: Task) -> list[Section]:
    """What the report says of the search for the candidate's settings."""
    study = read_study(paths.study_record)
    return [search_section(candidate, study, metric_named(task.target.metrics, study.metric))] if study else []


def _model(params: dict[str, str]) -> str:
    """The backbone in a few words: its name, if it has one, and its weights without their checksum."""
    given = [params[key] for key in ("backbone.name", "backbone.weights") if key in params]
    return ", ".join(value.partition("#")[0] for value in given)


def _log(
    tracker: Tracker, run_id: str, workspace: Workspace, *, evaluation: Evaluation, sliced: SliceTable, scored: int
) -> None:
    """Log the scores and the page. MLflow's copy of it, but not the out, tells how many models the ledger lists."""
    scores = {f"test_{name}": interval.value for name, interval in evaluation.metrics.items()}
    scores |= {f"test_{sliced.metric.name} of {one.name}": one.error.value for one in sliced.slices if one.error}
    tracker.log(run_id, scores | dict(evaluation.logged()))
    tracker.tag(run_id, {"finetrail.tested": "yes"})
    for name in (workspace.test_details.name, "errors.csv"):
        tracker.upload(run_id, workspace.test_report / name, "test")
    html = (workspace.test_report / "report.html").read_text(encoding="utf-8")
    said = f"{SEALED} When this copy was made, they were {scored}."
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "report.html"
        copy.write_text(html.replace(SEALED, said), encoding="utf-8")
        tracker.upload(run_id, copy, "test")


def _enter(ledger: Ledger, run_id: str, workspace: Workspace, report: Report) -> None:
    scorings.publish(
        ledger,
        run_id,
        workspace.test_report / scorings.FILE,
        model=report.lineage[MODEL],
        test_split=report.split.sha256["test"],
        metrics={name: interval.value for name, interval in report.metrics.items()},
    )
