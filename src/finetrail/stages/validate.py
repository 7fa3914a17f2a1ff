"""Stage `validate`: check the ingested rows against the rules, and quarantine those that cannot be used."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from finetrail.data.store.raw import keyed, read_manifest
from finetrail.data.validation.expectations import inspect
from finetrail.data.validation.findings import Finding
from finetrail.data.validation.report import reasons_by_row, validation_report, why_stopped, write_quarantine
from finetrail.data.validation.rules import CommonRules
from finetrail.errors import ValidationError
from finetrail.workspace import Workspace, replacing, write_json


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


def validate(workspace: Workspace, rules: CommonRules, key: Callable[[Any], str]) -> Validated:
    """Write `data/reports/validation`: validation.json, quarantine.csv and data_docs/; reads `data/raw`.

    Args:
        key: what equal labels have in common; see `finetrail.targets.target.Target`.

    Raises:
        ValidationError: a rule of policy `fail` found rows, or no row or fewer than two labels are left. Then the same
            files are in `.finetrail/validation-failed`, and the earlier `data/reports/validation` is unchanged.
    """
    manifest = keyed(read_manifest(workspace.raw), key)
    inspection = inspect(manifest, rules)
    findings = inspection.findings
    aside = reasons_by_row(findings)
    rows = Rows(len(manifest), len(aside), len(manifest) - len(aside))
    counts = asdict(rows)
    excerpts = rules.excerpts(workspace.raw, manifest, aside) if aside else {}
    stopped = why_stopped(findings, counts, manifest, excerpts)
    failed = workspace.scratch / "validation-failed"
    with replacing(failed if stopped else workspace.validation) as folder:
        write_json(folder / "validation.json", validation_report(findings, counts, manifest, rules))
        write_quarantine(folder / "quarantine.csv", manifest, excerpts, findings)
        inspection.write_docs(folder / "data_docs", counts)
    if stopped:
        raise ValidationError(f"{stopped}; report: {(failed / 'data_docs' / 'index.html').relative_to(workspace.root)}")
    shutil.rmtree(failed, ignore_errors=True)  # an earlier failure no longer holds
    return Validated(rows, findings)
