"""What validation writes for people and later stages: validation.json, quarantine.csv, and why it stopped."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.shown import for_cell
from finetrail.data.validation.findings import Finding
from finetrail.data.validation.rules import CommonRules

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 5
EXCERPT = 200
"""Characters of a content that an error shows."""
BARS = 30
"""Labels on the page; the commonest, where there are more."""
COLUMNS = ("id", "source", "row", "split", "label", "rules", "content", "detail")


@dataclass(frozen=True)
class Shown:
    """What Data Docs show besides the rules.

    Attributes:
        rows: the numbers at the top, by what they count.
        labels: what validation.json says of those of the rows that passed.
        aside: the first rows put aside; see `quarantine`.
    """

    rows: Mapping[str, int]
    labels: Mapping[str, float]
    aside: Sequence[Mapping[str, Any]]

    @property
    def bars(self) -> list[tuple[str, str, float | None]]:
        """Of each label its name, its number, and how long its bar is in percent; None where it counts nothing."""
        if any(isinstance(number, float) for number in self.labels.values()):  # a mean or the like
            return [(name, f"{number:,.4g}", None) for name, number in self.labels.items()]
        found = sorted(self.labels.items(), key=lambda one: -one[1])
        most = max((number for _, number in found), default=0) or 1
        return [(name, f"{number:,}", 100 * number / most) for name, number in found[:BARS]]


def reasons_by_row(findings: tuple[Finding, ...]) -> dict[str, list[str]]:
    """Return the rows put aside, by id, each with the names of the rules that found it."""
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        for identity in finding.ids if finding.rule.puts_aside else ():
            reasons.setdefault(identity, []).append(finding.rule.name)
    return reasons


def validation_report(
    findings: tuple[Finding, ...], rows: dict[str, int], passed: "pd.DataFrame", rules: CommonRules
) -> dict[str, Any]:
    """Return the content of validation.json.

    Args:
        rows: how many are ingested, quarantined and passed.
        passed: the rows of the manifest that are not put aside.
    """
    labels: dict[str, float] = rules.describe_labels(passed["label"]) if {"id", "label"} <= {*passed} else {}
    return {
        "success": not any(finding.failed for finding in findings),
        "rows": rows,
        "rules": [_entry(finding) for finding in findings],
        "labels": labels,
    }


def quarantine(
    aside: "pd.DataFrame",
    excerpts: Mapping[str, str],
    reasons: Mapping[str, list[str]],
    findings: tuple[Finding, ...],
) -> Iterator[dict[str, Any]]:
    """Yield what is told of each row put aside, by `COLUMNS`.

    Args:
        aside: these rows of the manifest, in its order.
        excerpts: of the rows' contents, by id.
        reasons: see `reasons_by_row`.
    """
    told = [one.rule.tells for one in findings if one.rule.tells in aside]
    for row in _rows(aside, ("id", "source", "row", "split", "label", *told)):
        where = [row["id"], row["source"], row["row"], _text(row["split"]), _text(row["label"])]
        detail = "; ".join(text for name in told if (text := _text(row[name])))
        said = [*where, ";".join(reasons[row["id"]]), excerpts.get(row["id"], ""), detail]
        yield dict(zip(COLUMNS, said, strict=True))


def write_quarantine(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one line per row put aside. Args: rows: see `quarantine`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(map(for_cell, row.values()))


def _rows(frame: "pd.DataFrame", columns: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield these columns row by row: `to_dict` would hold all rows at once, which can be half a million."""
    names = list(dict.fromkeys(columns))
    for row in () if frame.empty else frame[names].itertuples(index=False, name=None):
        yield dict(zip(names, row, strict=True))


def why_stopped(
    findings: tuple[Finding, ...], rows: dict[str, int], manifest: "pd.DataFrame", excerpts: dict[str, str]
) -> str | None:
    """Return in one line the first finding that stops the pipeline, an example and the remedy; None if none does.

    Args:
        excerpts: of the contents of rows put aside, by id.
    """
    failed = [finding for finding in findings if finding.failed]
    if not failed:
        return None
    first, rule = failed[0], failed[0].rule
    if rows["ingested"] == 0:
        return "no row was ingested; give `source` a file with rows"
    if rule.name == "two_labels" and rows["passed"] == 0:
        return _all_quarantined([one for one in findings if one.rule.puts_aside and one.ids], manifest, excerpts)
    # Labels may be missing only because of rows already reported: not a second fault.
    others = [finding.rule.name for finding in failed[1:] if finding.rule.name != "two_labels"]
    also = f" (also failed: {', '.join(others)})" if others else ""
    if not first.ids:
        return f"rule {rule.name}: {first.message}{also}; {rule.remedy}"
    milder = rule.milder or ("quarantine" if rule.about == "rows" else "warn")
    return (
        f"rule {rule.name}: {first.said}, for example {_example(first, manifest)}{also}; "
        f"{rule.remedy}, or set validation.{rule.name}.policy to {milder}"
    )


def _all_quarantined(found: list[Finding], manifest: "pd.DataFrame", excerpts: dict[str, str]) -> str:
    """Name the first row of the rule that finds most, and the remedy of that rule."""
    counts = ", ".join(f"{one.rule.name} {len(one.ids)}" for one in found)
    most = max(found, key=lambda one: len(one.ids))
    excerpt = excerpts.get(most.ids[0], "")[:EXCERPT].strip()
    shown = f" ({excerpt})" if excerpt else ""
    return (
        f"all {len(manifest)} rows are quarantined ({counts}), for example {_example(most, manifest)}{shown}; "
        f"{most.rule.remedy}"
    )


def _example(finding: Finding, manifest: "pd.DataFrame") -> str:
    example = manifest[manifest["id"] == finding.ids[0]].iloc[0]
    label = f" with label {_text(example['label'])[:EXCERPT]!r}" if _text(example["label"]) else ""
    return f"{example['source']}:{example['row']}{label}"


def _entry(finding: Finding) -> dict[str, Any]:
    rule = finding.rule
    return {
        "rule": rule.name,
        "policy": rule.policy,
        "bound": rule.bound,
        "unexpected": finding.unexpected,
        "examples": list(finding.ids[:EXAMPLES]),
        "success": finding.success,
        "message": finding.message,
    }


def _text(value: object) -> str:
    """A missing string, None or NaN in pandas, becomes an empty field."""
    return value if isinstance(value, str) else ""
