"""Stage `validate`: check the ingested rows against the rules, and quarantine those that cannot be used."""

import logging
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from finetrail.data.store.raw import keyed, read_manifest
from finetrail.data.validation.expectations import inspect
from finetrail.data.validation.findings import Finding
from finetrail.data.validation.quarantined import quarantined
from finetrail.data.validation.report import (
    Shown,
    quarantine,
    reasons_by_row,
    validation_report,
    why_stopped,
    write_quarantine,
)
from finetrail.data.validation.rules import CommonRules
from finetrail.data.validation.spellings import COLUMN, ComparedLabel, counted, described
from finetrail.errors import ValidationError
from finetrail.workspace import Workspace, read_json, replacing, write_json

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20  # rows put aside on the page
PAIRS = 5  # in the warning about whole numbers
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """Every row is counted: ingested = quarantined + passed."""

    ingested: int
    quarantined: int
    passed: int


@dataclass(frozen=True)
class Validated:
    """What `validate` did. `findings` has one entry per rule, in the order of application."""

    rows: Rows
    findings: tuple[Finding, ...]


def validate(workspace: Workspace, rules: CommonRules, target: ComparedLabel) -> Validated:
    """Write `data/reports/validation`: validation.json, quarantine.csv, spellings.json and data_docs/.

    Reads `data/raw`.

    Args:
        target: knows which labels are equal, and how one is renamed; see `finetrail.targets.target.Target`.

    Raises:
        ValidationError: a rule of policy `fail` found rows, or no row or fewer than two labels are left. Then the same
            files are in `.finetrail/validation-failed`, and the earlier `data/reports/validation` is unchanged.
    """
    manifest, merged = _spelled(read_manifest(workspace.raw), rules, target)
    inspection = inspect(manifest, rules)
    aside = reasons_by_row(inspection.findings)
    findings = (*inspection.findings, quarantined(rules.max_quarantined, len(manifest), aside))
    rows = Rows(len(manifest), len(aside), len(manifest) - len(aside))
    counts = asdict(rows)
    excerpts = rules.excerpts(workspace.raw, manifest, aside) if aside else {}
    said = rules.said(manifest)
    out = manifest.get("id", manifest.index.to_series()).isin([*aside])
    stopped = why_stopped(findings, counts, said, excerpts)
    failed = workspace.scratch / "validation-failed"
    with replacing(failed if stopped else workspace.validation) as folder:
        report = validation_report(findings, counts, manifest[~out], rules)
        if workspace.corrected.exists():
            report["corrections"] = read_json(workspace.corrected)
        write_json(folder / "validation.json", report)
        put_aside = said[out]
        write_quarantine(folder / "quarantine.csv", quarantine(put_aside, excerpts, aside, findings))
        write_json(folder / workspace.spellings.name, {"merged": merged})
        first = list(quarantine(put_aside.head(SHOWN), excerpts, aside, findings))
        inspection.write_docs(folder / "data_docs", Shown(counts, report["labels"], first), findings)
    if stopped:
        raise ValidationError(f"{stopped}; report: {(failed / 'data_docs' / 'index.html').relative_to(workspace.root)}")
    shutil.rmtree(failed, ignore_errors=True)  # an earlier failure no longer holds
    return Validated(rows, findings)


def _spelled(raw: "pd.DataFrame", rules: CommonRules, target: ComparedLabel) -> "tuple[pd.DataFrame, dict[str, str]]":
    """The manifest with labels as their keys and what is said of their spelling, and the names that are merged."""
    if "label" not in raw:
        return raw, {}  # the schema rule says so
    try:
        found = rules.spellings(counted(raw, target))
    except TypeError:
        return keyed(raw, target.key), {}  # labels of another kind: the schema rule finds these
    if found.numbers:
        pairs = ", ".join(f"{name} is {number}" for name, number in list(found.numbers.items())[:PAIRS])
        log.warning("whole numbers that stand with and without a fraction are one class: %s", pairs)
    merged = found.merged
    manifest = keyed(raw, lambda label: target.key(target.renamed(label, merged)))
    return manifest.assign(**{COLUMN: described(raw, target, found.others)}), merged
