"""What was assessed of a model: files in its MLflow run, tags, and ledger entries that vouch for the answers.

An assessment is a folder with about.json, <name>.json and whatever these come from; nothing here knows which there are.

The files in data/reports/assess are the truth. Stage `assess` mirrors them, and `register` does so again: DVC may have
them out of its cache, where no stage ran. DVC itself cannot make `register` depend on a folder that may not be there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from finetrail.locations import sha256_of
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import versions
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.serving.predictions import read_predictions
from finetrail.workspace import read_json

if TYPE_CHECKING:
    import pandas as pd

ABOUT = "about.json"
ANSWERS = "predictions.parquet"
TAG = "finetrail.assess."


@dataclass(frozen=True)
class About:
    """The content of about.json, which stands beside the files of every assessment.

    Attributes:
        assessment: its name.
        model: the fingerprint of the assessed model's files.
        said: the finding in a line.
    """

    assessment: str
    candidate: str
    model: str
    said: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def written(assessments: Path, model: str) -> Iterator[tuple[About, Path]]:
    """The assessments of a model among the folders of a workspace, by name. Args: model: its fingerprint."""
    for file in sorted(assessments.glob(f"*/{ABOUT}")):
        about = About(**read_json(file))
        if about.model == model:
            yield about, file.parent


def publish(ledger: Ledger, run_id: str, about: About, folder: Path) -> None:
    """Show an assessment in MLflow, with the run that trained the model and its versions, and enter it in the ledger.

    Repeating this does no harm.
    """
    tracker, name = ledger.tracker, about.assessment
    evidence = folder / ANSWERS if (folder / ANSWERS).exists() else folder / f"{name}.json"
    digest = sha256_of(evidence)
    if tracker.tags(run_id).get(TAG + name) != about.said or not _entered(ledger, about, digest):
        numbers = numbers_of(read_json(folder / f"{name}.json"))
        tracker.log(run_id, {f"assess_{name}_{key}": value for key, value in numbers.items()})
        for file in sorted(folder.iterdir()):
            tracker.upload(run_id, file, _place(name, digest) if file.name == ANSWERS else f"assess/{name}")
        tracker.tag(run_id, {TAG + name: about.said})
        if not _entered(ledger, about, digest):
            facts = {"assessment": name, "answers_sha256": digest, "run_id": run_id}
            rounded = {key: round(value, 6) for key, value in numbers.items()}
            said = f"{name}: {about.said}"[:2000]
            ledger.enter("assessment", model=about.model, facts=facts, metrics=rounded, verdict=said)
    with tracking_errors(tracker.uri):
        for version in versions(tracker, ledger.name):
            if version.fingerprint == about.model:
                tracker.client.set_model_version_tag(ledger.name, str(version.version), TAG + name, about.said)


def _entered(ledger: Ledger, about: About, digest: str) -> bool:
    last = latest(ledger.read(), about.model, about.assessment)
    return last is not None and last.facts["answers_sha256"] == digest


def publish_answers(ledger: Ledger, run_id: str, answers: Path, *, model: str, name: str, verdict: str) -> Entry:
    """Store answers that the gate had to ask a model for, and enter them in the ledger."""
    digest = sha256_of(answers)
    ledger.tracker.upload(run_id, answers, _place(name, digest))
    facts = {"assessment": name, "answers_sha256": digest, "run_id": run_id}
    return ledger.enter("assessment", model=model, facts=facts, verdict=verdict)


def latest(chain: Chain, model: str, name: str) -> Entry | None:
    """The last entry of an assessment of a model."""
    found = (one for one in reversed(chain.entries) if (one.kind, one.model) == ("assessment", model))
    return next((one for one in found if one.facts["assessment"] == name), None)


def stored(ledger: Ledger, entry: Entry) -> "pd.DataFrame | None":
    """The answers of an assessment, if they are still, byte for byte, where they were put."""
    digest = entry.facts["answers_sha256"]
    with TemporaryDirectory() as folder:
        place = f"{_place(entry.facts['assessment'], digest)}/{ANSWERS}"
        file = ledger.tracker.download(entry.facts["run_id"], place, folder)
        return read_predictions(file) if file is not None and sha256_of(file) == digest else None


def numbers_of(content: Mapping[str, Any]) -> dict[str, float]:
    """The main numbers of an assessment: those at the top of its JSON file."""
    return {
        name: float(value)
        for name, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _place(name: str, digest: str) -> str:
    return f"assess/{name}/{digest[:16]}"
