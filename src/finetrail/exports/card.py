"""README.md of an exported folder: what the model is, what it was trained on, how good it is, and how to load it.

Its head is that of a model card (Mitchell et al. 2019) as Hugging Face reads it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import PurePath

from finetrail.exports.exported import Exported
from finetrail.exports.facts import Facts
from finetrail.targets.problem import METRICS, amount

MOST_CLASSES = 30
"""Labels of which a table is still read."""
_LINEAGE = {
    "mlflow.source.git.commit": "git commit",
    "finetrail.data_sha256": "data manifest sha256",
    "finetrail.split_sha256": "split sha256",
    "finetrail.params_sha256": "params.yaml sha256",
    "finetrail.lock_sha256": "requirements.lock sha256",
    "finetrail.fingerprint": "model sha256",
}
_HUB = re.compile(r"hf://([^/@#]+/[^/@#]+)")


def render(task: str, labels: list[str], done: Exported, facts: Facts) -> str:
    """The card. Args: task: its name in params.yaml. done: what was written. facts: of the registered version."""
    parts = [_head(task, done, facts), f"# {facts.name or 'A fine-tuned model'}", *_about(task, labels, facts)]
    parts += [*_load(done), *_data(facts), *_scores(facts), *_limits(task, done, facts), *_lineage(facts)]
    return "\n\n".join(parts) + "\n"


def _head(task: str, done: Exported, facts: Facts) -> str:
    # Hugging Face has no task of its own for numbers: they are classifications with one output.
    kind = f"{task.partition('-')[0]}-classification"
    scores = _known_scores(facts)
    lines = ["---", f"library_name: {done.library}", f"pipeline_tag: {kind}"]
    lines += ["tags:", "- finetrail", *(["- regression"] if task.endswith("-regression") else [])]
    if hub := _HUB.match(facts.params.get("backbone.weights", "")):
        lines.append(f"base_model: {json.dumps(hub[1])}")
    if scores:
        name = json.dumps(facts.name)
        lines += ["metrics:", *(f"- {name}" for name in scores), "model-index:", f"- name: {name}", "  results:"]
        lines += [f"  - task: {{type: {kind}}}", f"    dataset: {{name: {name}, type: {name}, split: test}}"]
        lines += ["    metrics:", *(f"    - {{type: {one}, value: {value:.6g}}}" for one, value in scores.items())]
    return "\n".join([*lines, "---"])


def _about(task: str, labels: list[str], facts: Facts) -> Iterator[str]:
    params = facts.params
    given = [params[key] for key in ("backbone.name", "backbone.weights") if key in params]
    # Without a checksum, and of a path only its end: it says where things lay on one machine.
    base = ", ".join(
        PurePath(value).name if PurePath(value).is_absolute() else value
        for value in (one.partition("#")[0] for one in given)
    )
    yield f"A model for {task}{f', fine-tuned from {base}' if base else ''}."
    if task.endswith("-classification"):
        shown = ", ".join(f"`{label}`" for label in labels[:MOST_CLASSES])
        yield f"Labels ({len(labels)}): {shown}{' and more' if len(labels) > MOST_CLASSES else ''}."
    if "adaptation.method" in params:
        settings = {"at most {} epochs": "train.epochs", "batches of {}": "train.batch_size"}
        settings |= {"learning rate {}": "train.learning_rate", "seed {}": "seed"}
        told = [words.format(params[key]) for words, key in settings.items() if key in params]
        yield f"Trained by `{params['adaptation.method']}`: {', '.join(told)}; all settings stand in the MLflow run."
    if why := facts.tags.get("finetrail.why"):
        yield f"Why this one of all candidates, on validation: {why}"


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
    yield "\n".join(["## Data", "", "| split | rows | sha256, its start |", "|---|---|---|", *rows])
    if validation := facts.tags.get("finetrail.validation"):
        yield f"Validation of the data {validation}."
    yield "Rows that are equal, or near by the settings of the split, were kept on one side of it."


def _scores(facts: Facts) -> Iterator[str]:
    scores, intervals = _known_scores(facts), facts.tested.get("intervals", {})
    if not scores:
        yield "## Scores\n\nNo test scores are known of this model: it was exported from a folder, or never tested."
        return
    rows = [
        f"| {METRICS[name].title} | {amount(value)} | {amount(intervals[name]['low'])} to "
        f"{amount(intervals[name]['high'])} |"
        for name, value in scores.items()
    ]
    head = ["## Scores on the test split", "", f"| metric | value | {100 * intervals['confidence']:.0f} % interval |"]
    yield "\n".join([*head, "|---|---|---|", *rows])
    yield f"The intervals are of {intervals['resamples']:,} bootstrap resamples."
    if facts.test_split:
        yield f"The rows have the sha256 `{facts.test_split}`. Models scored on them so far: {facts.models_scored}."
    classes = facts.tested.get("per_class", {})
    if 0 < len(classes) <= MOST_CLASSES:
        lines = [
            f"| {_cell(label)} | {one['precision']:.3f} | {one['recall']:.3f} | {one['f1']:.3f} | {one['support']:,} |"
            for label, one in classes.items()
        ]
        yield "\n".join(["| label | precision | recall | F1 | rows |", "|---|---|---|---|---|", *lines])


def _limits(task: str, done: Exported, facts: Facts) -> Iterator[str]:
    known = [done.reads]
    if facts.tested:
        known.append("Its scores hold for data like the test split; other sources, languages and times were not tried.")
    if task.endswith("-classification"):
        known.append("It always answers with one of its labels, also to what is none of them.")
    if calibration := facts.tested.get("calibration"):
        known.append(
            f"Its probabilities are off by {calibration['ece']:.3f} on average (expected calibration error on test)."
        )
    if "baseline" in facts.tested:
        always = facts.tested["baseline"]
        known.append(
            f"Answering {amount(always['mean_of_train'])}, the mean of the training labels, to everything would give "
            f"an RMSE of {amount(always['rmse'])} on test."
        )
    if facts.tags.get("finetrail.git_dirty") == "yes":
        known.append("It was trained by code with changes that were not committed.")
    yield "\n".join(["## Limits", "", *(f"- {one}" for one in known)])


def _lineage(facts: Facts) -> Iterator[str]:
    if not facts.name:
        return
    rows = [("version", f"{facts.name} {facts.version}"), ("MLflow run", facts.run_id)]
    rows += [(title, facts.tags[tag]) for tag, title in _LINEAGE.items() if tag in facts.tags]
    yield "\n".join(["## Lineage", "", "| | |", "|---|---|", *(f"| {what} | `{value}` |" for what, value in rows)])


def _known_scores(facts: Facts) -> dict[str, float]:
    """Those on the test split, in the order in which they are always shown."""
    tested = facts.tested.get("test", {})
    return {name: tested[name] for name in METRICS if name in tested}


def _cell(label: str) -> str:
    return label.replace("|", "\\|").replace("\n", " ")
