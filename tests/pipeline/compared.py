"""`finetrail compare` over a workspace that has a linear probe and a full training, whatever its labels are."""

from pathlib import Path
from typing import Any

from finetrail.serving.predictions import read_predictions
from finetrail.workspace import read_json
from tests.pipeline.workspaces import Sandbox

PAIR = ("linear_probe", "full")


def compared(sandbox: Sandbox, output: Path) -> dict[str, Any]:
    """compare.json; the values in it must be those of the selection."""
    done = sandbox.finetrail("compare", "--output", str(output))
    assert done.code == 0, done
    found: dict[str, Any] = read_json(output / "compare.json")
    standing = {one["candidate"]: one for one in read_json(sandbox.paths.selection_report)["ranking"]}
    for one in found["candidates"]:
        assert one["value"] == {end: standing[one["candidate"]][end] for end in ("value", "low", "high")}
    return found


def disagreement(found: dict[str, Any]) -> float:
    """The share of rows that the two answer differently."""
    one, other = (next(each for each in found["candidates"] if each["candidate"] == name) for name in PAIR)
    assert one["differs"]["full"] == other["differs"]["linear_probe"]
    return float(one["differs"]["full"])


def answers(sandbox: Sandbox, column: str) -> list[list[Any]]:
    """A column of the validation predictions of each of the two."""
    return [read_predictions(sandbox.paths.run(name).predictions)[column].tolist() for name in PAIR]
