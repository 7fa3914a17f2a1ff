"""README.md of an exported folder: what the model is, what it was trained on, how good it is, and how to load it.

Its head is that of a model card (Mitchell et al. 2019) as Hugging Face reads it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import PurePath

from finetrail.contents.exported import Exported
from finetrail.data.shown import for_markdown
from finetrail.evaluation.scores.metric import Metric, amount
from finetrail.exports.facts import Facts
from finetrail.registry.packing import SAME_NUMBER
from finetrail.tasks.task import Built

_LINEAGE = {
    "mlflow.source.git.commit": "git commit",
    "finetrail.data_sha256": "data manifest sha256",
    "finetrail.split_sha256": "split sha256",
    "finetrail.params_sha256": "params.yaml sha256",
    "finetrail.lock_sha256": "requirements.lock sha256",
    "finetrail.fingerprint": "model sha256",
}
_HUB = re.compile(r"hf://([^/@#]+/[^/@#]+)")


def render(built: Built, done: Exported, facts: Facts, compared: str = "") -> str:
    """The card.

    Args:
        done: what was written.
        facts: of the registered version.
        compared: what `finetrail.exports.asked.compared` found.
    """
    parts = [_head(built, done, facts), f"# {for_markdown(facts.name) or 'A fine-tuned model'}", *_about(built, facts)]
    parts += [
        *_load(done),
        *_data(facts),
        *_scores(built, facts),
        *_same(facts, compared),
        *_assessed(facts),
        *_limits(built, done, facts),
        *_lineage(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _head(built: Built, done: Exported, facts: Facts) -> str:
    kind, problem = built.task.pipeline_tag, built.task.target.problem_type
    scores = _known_scores(built, facts)
    lines = ["---", f"library_name: {done.library}"]
    lines += [f"pipeline_tag: {kind}"] if done.pipes else []
    lines += ["tags:", "- finetrail", f"- {problem}"]
    if hub := _HUB.match(facts.params.get("backbone.weights", "")):
        lines.append(f"base_model: {json.dumps(hub[1])}")
    if scores:
        name = json.dumps(facts.name)
        lines += ["metrics:", *(f"- {metric.name}" for metric, _ in scores)]
        lines += ["model-index:", f"- name: {name}", "  results:"]
        lines += [f"  - task: {{type: {kind}}}", f"    dataset: {{name: {name}, type: {name}, split: test}}"]
        lines += ["    metrics:", *(f"    - {{type: {one.name}, value: {value:.6g}}}" for one, value in scores)]
    return "\n".join([*lines, "---"])


def _about(built: Built, facts: Facts) -> Iterator[str]:
    params = facts.params
    given = [params[key] for key in ("backbone.name", "backbone.weights") if key in params]
    # Drop the checksum, and all of a path but its end: the rest only says where things lay on one machine.
    base = ", ".join(
        PurePath(value).name if PurePath(value).is_absolute() else value
        for value in (one.partition("#")[0] for one in given)
    )
    yield f"A model for {built.task.name}{f', fine-tuned from {for_markdown(base)}' if base else ''}."
    yield from built.codec.about()
    if "adaptation.method" in params:
        settings = {"at most {} epochs": "train.epochs", "batches of {}": "train.batch_size"}
        settings |= {"learning rate {}": "train.learning_rate", "seed {}": "seed"}
        told = [words.format(params[key]) for words, key in settings.items() if key in params]
        yield f"Trained by `{params['adaptation.method']}`: {', '.join(told)}; all settings are in the MLflow run."
    if why := facts.tags.get("finetrail.why"):
        yield f"Why this candidate, on validation: {for_markdown(why.replace('`', ''))}"


def _load(done: Exported) -> Iterator[str]:
    yield "## How to load it"
    yield f"With `{'`, `'.join(done.packages)}` installed, in this folder:"
    yield f"```python\n{done.snippet}```"
    if done.note:
        yield done.note


def _data(facts: Facts) -> Iterator[str]:
    if not facts.datasets:
        return
    rows = [f"| {name} | {count} | `{digest}` |" for name, count, digest in facts.datasets]
    yield "\n".join(["## Data", "", "| split | rows | start of sha256 |", "|---|---|---|", *rows])
    if validation := facts.tags.get("finetrail.validation"):
        yield f"Validation of the data {validation}."
    yield "Rows that are equal, or near by the settings of the split, were kept in the same split."


def _scores(built: Built, facts: Facts) -> Iterator[str]:
    scores, intervals = _known_scores(built, facts), facts.tested.get("intervals", {})
    if not scores:
        yield "## Scores\n\nNo test scores are known for this model: it was exported from a folder, or never tested."
        return
    ends = [(amount(intervals[metric.name]["low"]), amount(intervals[metric.name]["high"])) for metric, _ in scores]
    rows = [
        f"| {metric.title} | {amount(value)} | {low} to {high} |"
        for (metric, value), (low, high) in zip(scores, ends, strict=True)
    ]
    head = ["## Scores on the test split", "", f"| metric | value | {100 * intervals['confidence']:.0f} % interval |"]
    yield "\n".join([*head, "|---|---|---|", *rows])
    yield f"The intervals come from {intervals['resamples']:,} bootstrap resamples."
    if facts.test_split:
        yield f"The rows have the sha256 `{facts.test_split}`. Models scored on them so far: {facts.models_scored}."
    yield from built.codec.judge.told(facts.tested)


def _same(facts: Facts, compared: str) -> Iterator[str]:
    """The metric at every place where it was computed again."""
    lines = [line for line in (facts.tags.get(SAME_NUMBER, ""), compared) if line]
    if lines:
        yield "\n".join(["## The same number everywhere", "", *(f"- {for_markdown(line)}." for line in lines)])
    if not compared:
        yield "This folder was not compared with the trained model on validation rows."


def _assessed(facts: Facts) -> Iterator[str]:
    if facts.assessed:
        found = [f"- {for_markdown(name)}: {for_markdown(said)}" for name, said in facts.assessed.items()]
        yield "\n".join(["## Assessed on validation rows", "", *found])


def _limits(built: Built, done: Exported, facts: Facts) -> Iterator[str]:
    known = [done.reads]
    if facts.tested:
        known.append("Its scores hold for data like the test split; other sources, languages and times were not tried.")
    known += built.codec.judge.limits(facts.tested)
    if facts.tags.get("finetrail.git_dirty") == "yes":
        known.append("It was trained by code with uncommitted changes.")
    yield "\n".join(["## Limits", "", *(f"- {one}" for one in known)])


def _lineage(facts: Facts) -> Iterator[str]:
    if not facts.name:
        return
    rows = [("version", f"{facts.name} {facts.version}"), ("MLflow run", facts.run_id)]
    rows += [(title, facts.tags[tag]) for tag, title in _LINEAGE.items() if tag in facts.tags]
    yield "\n".join(["## Lineage", "", "| | |", "|---|---|", *(f"| {what} | `{value}` |" for what, value in rows)])


def _known_scores(built: Built, facts: Facts) -> list[tuple[Metric, float]]:
    """The scores on the test split, in the usual order of metrics."""
    tested = facts.tested.get("test", {})
    return [(metric, tested[metric.name]) for metric in built.task.target.metrics if metric.name in tested]
