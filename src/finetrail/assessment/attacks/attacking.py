"""Assess a model under attack: write numbers, answers and report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetrail.assessment.assessed import Given
from finetrail.assessment.attacks.attacked import WAYS, attacked
from finetrail.assessment.attacks.settings import Attacks
from finetrail.assessment.curves.changes import Side, sides
from finetrail.assessment.curves.examples import worst_examples
from finetrail.assessment.curves.page import page
from finetrail.assessment.curves.sample import sampled
from finetrail.assessment.curves.scores import At, Curves, measured
from finetrail.assessment.curves.ways import About
from finetrail.serving.predictions import read_predictions
from finetrail.workspace import write_json

TEMPLATE = ("finetrail.assessment.attacks", "page.html.jinja")


def assess(given: Given, settings: Attacks, folder: Path) -> str:
    """See `finetrail.assessment.kinds.Assessing`."""
    answered = attacked(given, settings, sampled(given, settings.max_rows))
    predictions = folder / "predictions.parquet"
    answered.table().to_parquet(predictions, index=False, compression="zstd")
    # From the file, so that who reads it gets the same numbers.
    curves = Curves(WAYS, given.built.codec, read_predictions(predictions), given.draws)
    found = measured(curves, given.metric)
    written = found.as_json()
    write_json(folder / "attacks.json", written)

    def show(row: str, at: At) -> tuple[Side, Side]:
        return sides(*answered.shown(row, at))

    about = {name: About(one.title, one.about, one.epsilon) for name, one in given.built.task.content.attacks.items()}
    html = page(TEMPLATE, given, found, about, worst_examples(given, curves, answered.sample, show))
    (folder / "report.html").write_text(html, encoding="utf-8")
    return said(written)


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of attacks.json."""
    first = [(one["epsilons"][0], name) for name, one in written["attacks"].items()]
    at, name = min(first, key=lambda pair: (-pair[0]["drop"], pair[1]))
    return (
        f"{written['title']} {written['clean']:.4g} on {written['rows']} validation rows, {at['value']:.4g} under "
        f"{name} at epsilon {at['epsilon']}; {100 * at['flip_rate']:.1f}% of the answers change"
    )
