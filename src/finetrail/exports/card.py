"""README.md of an exported folder: what the model is, what it was trained on, how good it is, and how to load it.

Its head is that of a model card (Mitchell et al. 2019) as Hugging Face reads it.
"""

import json
from collections.abc import Iterator
from pathlib import PurePath

from finetrail.exports.exported import Exported
from finetrail.exports.facts import Facts
from finetrail.problem import METRICS, amount

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


def render(task: str, labels: list[str], done: Exported, facts: Facts) -> str:
    """The card. Args: task: its name in params.yaml. done: what was written. facts: of the registered version."""
    name = facts.name or "a fine-tuned model"
    parts = [_head(task, done, facts), f"# {name}", *_about(task, labels, facts), *_load(done)]
    return "\n\n".join([*parts, *_scores(facts), *_limits(task, facts), *_lineage(facts)]) + "\n"


def _head(task: str, done: Exported, facts: Facts) -> str:
    content = task.partition("-")[0]
    scores = {name: value for name, value in facts.tested.get("test", {}).items() if name in METRICS}
    # Hugging Face has no task of its own for numbers: they are classifications with one output.
    lines = ["---", f"library_name: {done.library}", f"pipeline_tag: {content}-classification"]
    lines += ["tags:", "- finetrail", *(["- regression"] if task.endswith("-regression") else [])]
    if scores:
        lines += ["metrics:", *(f"- {name}" for name in scores), "model-index:", f"- name: {json.dumps(facts.name)}"]
        lines += ["  results:", f"  - task: {{type: {content}-classification}}"]
        lines += [f"    dataset: {{name: {json.dumps(facts.name)}, type: {json.dumps(facts.name)}, split: test}}"]
        lines += ["    metrics:"]
        lines += [f"    - {{type: {name}, value: {value:.6g}}}" for name, value in scores.items()]
    return "\n".join([*lines, "---"])


def _about(task: str, labels: list[str], facts: Facts) -> Iterator[str]:
    given = [facts.params[key] for key in ("backbone.name", "backbone.weights") if key in facts.params]
    # Without a checksum, and of a path only its end: it says where things lay on one machine.
    base = ", ".join(
        PurePath(value).name if PurePath(value).is_absolute() else value
        for value in (one.partition("#")[0] for one in given)
    )
    method = facts.params.get("adaptation.method", "")
    trained = f", fine-tuned from {base}" if base else ""
    yield f"A model for {task}{trained}{f' by `{method}`' if method else ''}."
    if task.endswith("-classification"):
        shown = ", ".join(f"`{label}`" for label in labels[:MOST_CLASSES])
        yield f"Labels ({len(labels)}): {shown}{' and more' if len(labels) > MOST_CLASSES else ''}."
    if why := facts.tags.get("finetrail.why"):
        yield f"Why this one of all candidates, on validation: {why}"
    if facts.datasets:
        rows = [f"| {name} | {count} | `{digest}` |" for name, count, digest in facts.datasets]
        yield "\n".join(["## Data", "", "| split | rows | sha256, its start |", "|---|---|---|", *rows])
    if validation := facts.tags.get("finetrail.validation"):
        yield f"Validation of the data {validation}."


def _load(done: Exported) -> Iterator[str]:
    yield "## How to load it"
    yield f"With `{'`, `'.join(done.packages)}` installed, in this folder:"
    yield f"```python\n{done.snippet}```"
    if done.note:
        yield done.note


def _scores(facts: Facts) -> Iterator[str]:
    scores, intervals = facts.tested.get("test", {}), facts.tested.get("intervals", {})
    if not scores:
        yield "## Scores\n\nNo test scores are known of this model: it was exported from a folder, or never tested."
        return
    share = f"{100 * intervals['confidence']:.0f} %"
    rows = [
        f"| {METRICS[name].title} | {amount(value)} | {amount(intervals[name]['low'])} to "
        f"{amount(intervals[name]['high'])} |"
        for name, value in scores.items()
        if name in METRICS and name in intervals
    ]
    yield "\n".join(
        ["## Scores on the test split", "", f"| metric | value | {share} interval |", "|---|---|---|", *rows]
    )
    yield f"The intervals are of {intervals['resamples']:,} bootstrap resamples; the test split was scored once."
    classes = facts.tested.get("per_class", {})
    if 0 < len(classes) <= MOST_CLASSES:
        lines = [
            f"| {_cell(label)} | {one['precision']:.3f} | {one['recall']:.3f} | {one['f1']:.3f} | {one['support']:,} |"
            for label, one in classes.items()
        ]
        yield "\n".join(["| label | precision | recall | F1 | rows |", "|---|---|---|---|---|", *lines])


def _limits(task: str, facts: Facts) -> Iterator[str]:
    known = ["It is known to work on data like the test split; of other sources, languages and times nothing is known."]
    if task.endswith("-classification"):
        known.append("It always answers with one of its labels, also to what is none of them.")
    if calibration := facts.tested.get("calibration"):
        known.append(
            f"Its probabilities are off by {calibration['ece']:.3f} on average (expected calibration error on test)."
        )
    if facts.tags.get("finetrail.git_dirty") == "yes":
        known.append("It was trained by code with changes that were not committed.")
    known.append("Exact and near duplicates between the splits were taken out before it was trained and tested.")
    yield "\n".join(["## Limits", "", *(f"- {one}" for one in (known if facts.name else known[:-1]))])


def _lineage(facts: Facts) -> Iterator[str]:
    if not facts.name:
        return
    rows = [("version", f"{facts.name} {facts.version}"), ("MLflow run", facts.run_id)]
    rows += [(title, facts.tags[tag]) for tag, title in _LINEAGE.items() if tag in facts.tags]
    yield "\n".join(["## Lineage", "", "| | |", "|---|---|", *(f"| {what} | `{value}` |" for what, value in rows)])


def _cell(label: str) -> str:
    return label.replace("|", "\\|").replace("\n", " ")
