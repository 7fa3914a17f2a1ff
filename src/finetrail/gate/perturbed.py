"""Answers of registered models to the same perturbed validation rows: those of their assessment, or asked for anew.

What a perturbation draws depends on the row's id alone, so the rows that the challenger was assessed on can be made
again, and the champion asked about them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any

import pandas as pd

from finetrail.contents.content import Content
from finetrail.contents.perturbation import perturbed
from finetrail.data.store.shards import pick
from finetrail.errors import LedgerError, RefusedError, WorkspaceError
from finetrail.gate.answers import Opened
from finetrail.gate.evidence import Perturbed
from finetrail.progress import Track
from finetrail.registry import assessments
from finetrail.registry.chain import Chain
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import Known
from finetrail.serving.answer import answers_to_changed
from finetrail.serving.asked_again import SAMPLE
from finetrail.targets.agreement import farthest
from finetrail.targets.codec import refuse_broken
from finetrail.workspace import need

NAME = "robustness"
"""The assessment that the rules read."""
_KEYS = ["perturbation", "severity"]
_RESTORE = "restore MLflow's artifacts from a backup, or assess the model again"


@dataclass(frozen=True)
class Rows:
    """Validation rows, as they are and perturbed.

    Attributes:
        table: of the challenger's answers: id, label, maybe group, perturbation and severity of each.
        contents: as they are, by id.
    """

    table: pd.DataFrame
    content: Content
    contents: Mapping[str, Any]

    def parts(self) -> Iterator[tuple[str, int, pd.DataFrame]]:
        """The rows of each perturbation and severity, those without any first."""
        found: Any = self.table.groupby(_KEYS, sort=False)
        yield from ((str(name), int(severity), rows) for (name, severity), rows in found)

    @property
    def ways(self) -> str:
        """The perturbations and severities, for people."""
        names = dict.fromkeys(name for name, _, _ in self.parts() if name)
        severities = sorted({severity for name, severity, _ in self.parts() if name})
        return f"{', '.join(names)} at severity {', '.join(map(str, severities))}"

    def of(self, name: str, severity: int, ids: Sequence[str]) -> list[Any]:
        """Contents, perturbed."""
        values = {row: self.contents[row] for row in ids}
        return perturbed(self.content, name, severity, values) if name else list(values.values())


def refuse_unassessed(chain: Chain, known: Known) -> None:
    """Raise RefusedError where a version has no assessment of robustness, and so no answers to judge."""
    if assessments.latest(chain, known.fingerprint, NAME) is None:
        raise RefusedError(
            f"{known.address} has no assessment of robustness, but section gate of params.yaml asks for one; set "
            "assess.robustness there, and run `dvc repro`"
        )


def answers_to_perturbed(
    ledger: Ledger, chain: Chain, models: Sequence[Opened], val: Path, *, track: Track
) -> Perturbed:
    """The answers of challenger and champion to the rows that the challenger was assessed on.

    Stored answers are a claim: a sample of the rows, which nobody can foresee, is answered again and compared.

    Args:
        models: the challenger, and the champion if there is one.
        val: the folder of the validation split.

    Raises:
        LedgerError: stored answers are not the model's.
        WorkspaceError: the challenger was assessed on rows that are not here.
        ModelError: an answer is NaN or infinite.
    """
    challenger, own = models[0], models[0].built.codec
    frame = _stored(ledger, chain, challenger)
    if frame is None:
        raise LedgerError(
            f"the answers to perturbed rows of {challenger.known.address} are gone or altered; {_RESTORE}"
        )
    rows = Rows(frame, challenger.built.task.content, _contents(val, challenger, frame))
    found = []
    for model in models:
        held = frame if model is challenger else _stored(ledger, chain, model)
        if held is not None and _same(held, frame):
            _refuse_foreign(model, rows, held)
        else:
            held = _asked(ledger, model, rows, track)
        parts = [part for _, part in held.groupby(_KEYS, sort=False)]
        found.append([model.built.codec.aligned(model.built.codec.read(part), own) for part in parts])
    _, _, clean = next(rows.parts())
    groups = clean["group"].tolist() if "group" in clean else [None] * len(clean)
    return Perturbed(rows.ways, clean["label"].tolist(), groups, found[0], found[1] if len(found) > 1 else ())


def _stored(ledger: Ledger, chain: Chain, model: Opened) -> pd.DataFrame | None:
    """The assessed model's own answers; without those of a baseline."""
    entry = assessments.latest(chain, model.known.fingerprint, NAME)
    frame = None if entry is None else assessments.stored(ledger, entry)
    return None if frame is None else frame[frame["candidate"] == frame["candidate"].iloc[0]].reset_index(drop=True)


def _contents(val: Path, challenger: Opened, frame: pd.DataFrame) -> dict[str, Any]:
    try:
        return pick(need(val, "split"), challenger.built.task.content.name, set(frame["id"]))
    except WorkspaceError as error:
        raise WorkspaceError(
            f"{challenger.known.address} was assessed on validation rows that are not those of this workspace; assess "
            "it on them with `dvc repro`, or get its own with `dvc checkout`"
        ) from error


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether answers belong to these very rows, perturbed in the same ways, in this order."""
    return all(one[name].tolist() == other[name].tolist() for name in ("id", "label", *_KEYS))


def _refuse_foreign(model: Opened, rows: Rows, held: pd.DataFrame) -> None:
    """Raise LedgerError where a sample of the rows shows that stored answers are not the model's."""
    # From the system, not from a seed: who forges answers must not know which rows are looked at.
    chosen = held.iloc[sorted(SystemRandom().sample(range(len(held)), min(SAMPLE, len(held))))]
    asked = zip(chosen["perturbation"], chosen["severity"], chosen["id"], strict=True)
    became = [rows.of(name, severity, [row])[0] for name, severity, row in asked]
    was = [rows.contents[row] for row in chosen["id"]]
    codec = model.built.codec
    said = answers_to_changed(model.built, chosen["perturbation"].tolist(), was, became)
    worst = farthest(codec, said, codec.read(chosen))
    if not worst.agree:
        raise LedgerError(
            f"the stored answers of {model.known.address} to perturbed rows are not its own: it answers row "
            f"{chosen['id'].iloc[worst.row]} with {worst.said}, but {worst.expected} is stored; {_RESTORE}"
        )


def _asked(ledger: Ledger, model: Opened, rows: Rows, track: Track) -> pd.DataFrame:
    """Ask a model about the rows, and let the ledger vouch for its answers."""
    codec, parts = model.built.codec, list(rows.parts())
    found = []
    for name, severity, part in track(parts, total=len(parts), what=f"asking version {model.known.version}"):
        ids, scratch = part["id"].tolist(), model.folder.parent
        was = [rows.contents[row] for row in ids]
        became = rows.of(name, severity, ids)
        answers = answers_to_changed(model.built, [name] * len(ids), was, became, scratch=scratch)
        refuse_broken(codec, answers, model.known.address, "register another")
        kept = part[["id", "candidate", "perturbation", "severity", "label", *(["group"] if "group" in part else [])]]
        columns = pd.DataFrame(codec.columns(answers))
        found.append(pd.concat([kept.reset_index(drop=True), columns], axis=1))
    frame = pd.concat(found, ignore_index=True)
    file = model.folder.parent / assessments.ANSWERS
    frame.to_parquet(file, index=False, compression="zstd")
    known = model.known
    verdict = f"{NAME}: asked by the gate about {len(frame)} rows"
    assessments.publish_answers(ledger, known.run_id, file, model=known.fingerprint, name=NAME, verdict=verdict)
    return frame
