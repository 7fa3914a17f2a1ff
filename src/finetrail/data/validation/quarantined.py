"""Rule `max_quarantined`: what is left after the other rules should be most of the data."""

from collections import Counter
from typing import Literal

from pydantic import Field

from finetrail.data.validation.findings import Finding, Rule
from finetrail.settings import Settings

NAME = "max_quarantined"


class Quarantined(Settings):
    """The share of the rows that all rules together may put aside."""

    policy: Literal["fail", "warn", "off"] = "warn"
    share: float = Field(default=0.2, ge=0, le=1)


def quarantined(setting: Quarantined, ingested: int, reasons: dict[str, list[str]]) -> Finding:
    """Judge how many rows were put aside.

    Args:
        ingested: the number of rows.
        reasons: the rows put aside, by id, each with the names of the rules that found it.
    """
    rule = Rule(
        NAME,
        setting.policy,
        setting.share,
        "table",
        f"At most {setting.share:.0%} of the rows are put aside",
        f"more than {setting.share:.0%} of the rows are put aside",
        f"correct the source, or raise validation.{NAME}.share",
        (),
        "faults",
    )
    if setting.policy == "off" or len(reasons) <= setting.share * ingested:
        return Finding(rule, 0)
    counted = Counter(name for names in reasons.values() for name in names).most_common()
    said = ", ".join(f"{name} {count}" for name, count in counted)
    return Finding(rule, 1, detail=f"{len(reasons)} of {ingested}, {len(reasons) / ingested:.0%}: {said}")
