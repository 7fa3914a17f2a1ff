"""Whether the gate is looser than when the champion passed it: a bound that is loosened lets a worse model through."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling
from finetrail.registry.chain import Entry

BOUNDS = "gate"
RULE = "gate"
# Higher is looser, and none at all is loosest; seeds, and how many rows are timed, bound nothing.
_HIGHER: tuple[str, ...] = ("margin", "class_margin", "class_rows", "slice_margin", "slice_rows", "ece_margin")
_HIGHER += ("max_ece", "latency_ratio", "max_latency_ms", "size_ratio", "max_size_mb", "models_per_test_split")
_HIGHER += ("max_drop", "perturbed_margin")
_LOWER = ("confidence",)


def bounds_of(gate: Gate) -> str:
    """The gate's settings, for an entry of the ledger."""
    return json.dumps(gate.model_dump(mode="json", exclude_none=True), sort_keys=True)


def gate_rule(gate: Gate, passed: Entry | None, *, accepted: bool) -> list[Ruling]:
    """The ruling on a gate that is looser than the one that the champion passed; none where it is not.

    Args:
        passed: the champion's promotion; None where there is no champion, or it was set by hand.
        accepted: whoever promotes knows, and accepts it.
    """
    if passed is None or BOUNDS not in passed.facts:
        return []
    found = list(_looser(gate.model_dump(mode="json"), json.loads(passed.facts[BOUNDS])))
    if not found:
        return []
    said = f"the gate is looser than when version {passed.version} passed it: {', '.join(found)}"
    if accepted:
        return [Ruling(RULE, "pass", f"{said}; accepted with --accept-looser-gate")]
    return [Ruling(RULE, "fail", f"{said}; restore section gate of params.yaml, or pass --accept-looser-gate")]


def _looser(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    if now["metric"] != before["metric"]:
        yield f"metric {now['metric']} (was {before['metric']})"
    for names, looser in ((_HIGHER, 1), (_LOWER, -1)):
        for name in names:
            one, other = (math.inf if side.get(name) is None else side[name] for side in (now, before))
            if looser * one > looser * other:
                yield f"{name} {_shown(now.get(name))} (was {_shown(before.get(name))})"
    for name, rows in before.get("slices", {}).items():
        if now["slices"].get(name) is None:
            yield f"slice {name} is gone"
        elif {key: one for key, one in now["slices"][name].items() if one is not None} != rows:
            yield f"slice {name} has other rows"


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
