"""Assess robustness: perturb validation rows, answer them, write numbers, answers and report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetrail.assessment.assessed import Given
from finetrail.assessment.curves.changes import Side, sides
from finetrail.assessment.curves.examples import worst_examples
from finetrail.assessment.curves.page import page
from finetrail.assessment.curves.sample import Sample, sampled
from finetrail.assessment.curves.scores import At, Curves, measured
from finetrail.assessment.curves.ways import About
from finetrail.assessment.robustness.comparison import compared
from finetrail.assessment.robustness.perturbed import WAYS, answered
from finetrail.assessment.robustness.settings import Robustness
from finetrail.contents.perturbation import perturbed
from finetrail.evaluation.scores.metric import Metric
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import need, write_json

TEMPLATE = ("finetrail.assessment.robustness", "page.html.jinja")


def assess(given: Given, settings: Robustness, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    sample = sampled(given, settings.max_rows)
    baseline = settings.baseline and load_model(need(given.workspace.model(settings.baseline), "train"))
    predictions = folder / "predictions.parquet"
    answered(given, settings, sample, baseline or None).to_parquet(predictions, index=False, compression="zstd")
    # From the file, so that who reads it gets the same numbers.
    curves = Curves(WAYS, given.built.codec, read_predictions(predictions), given.draws)
    found, against = measured(curves, given.metric), compared(curves, given.metric)
    written = found.as_json() | ({"baseline": against.as_json()} if against else {})
    write_json(folder / "robustness.json", written)

    def show(row: str, at: At) -> tuple[Side, Side]:
        return _sides(given, sample, row, at)

    content = given.built.task.content
    about = {name: About(one.title, one.about, "severity") for name, one in content.perturbations.items()}
    html = page(TEMPLATE, given, found, about, worst_examples(given, curves, sample, show), compared=against)
    (folder / "report.html").write_text(html, encoding="utf-8")
    return said(written)


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of robustness.json."""
    worst = max(written["perturbations"], key=lambda name: written["perturbations"][name]["mean_drop"])
    drop = written["perturbations"][worst]["mean_drop"]
    against = written.get("baseline")
    mean = (
        f"; mean corruption error {100 * against['mce']:.1f}% of {against['candidate']}'s"
        if against and against["mce"]
        else ""
    )
    return (
        f"{written['title']} {written['clean']:.4g} on {written['rows']} validation rows, worse by "
        f"{written['mean_drop']:.4g} on average when perturbed, most by {worst} ({drop:.4g}); "
        f"{100 * written['flip_rate']:.1f}% of the answers change{mean}"
    )


def of_each(written: Mapping[str, Any], chosen: str, metric: Metric) -> Mapping[str, str]:
    """See `finetrail.assessment.kinds.Comparing`."""
    return {chosen: metric.say(written["mean_drop"])}


def _sides(given: Given, sample: Sample, row: str, at: At) -> tuple[Side, Side]:
    content = sample.contents[row]
    (changed,) = perturbed(given.built.task.content, *at, {row: content})
    preview = given.built.processor.preview
    return sides(preview(content), preview(changed))
