"""Rows of the training rows' own kind show no shift, others do; the classes of rows without labels are estimated."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from finetrail.errors import WorkspaceError
from finetrail.targets.classes import CLASSES
from finetrail.workspace import Workspace
from tests.unit.assessment.workspaces import assessed, coloured
from tests.unit.red_or_blue import BLUE, RED, image
from tests.unit.test_sections import IMAGES

BACKBONE = {"name": "timm/test_efficientnet", "weights": "random", "image_size": 32}
SETS = {"others": {"path": "data/input/others.zip"}}
PROBLEM: dict[str, Any] = IMAGES | {"backbone": BACKBONE, "unlabelled": SETS}
SETTINGS = {"rows": "others", "permutations": 99}


def _write(folder: Path, colours: list[tuple[int, int, int]], *, labelled: bool) -> None:
    folder.mkdir(parents=True)
    ids = [f"{folder.name}{number:03d}" for number in range(len(colours))]
    names = ["red" if colour[0] > colour[2] else "blue" for colour in colours] if labelled else [None] * len(colours)
    columns = {
        "id": ids,
        "image": [image(colour, size=(8, 8 + number % 3)) for number, colour in enumerate(colours)],
        "label": pa.array(names, pa.string()),
        "group": pa.array([None] * len(colours), pa.string()),
    }
    pq.write_table(pa.table(columns), folder / "part-00000.parquet")


def _like(colour: tuple[int, int, int], number: int) -> tuple[int, int, int]:
    """A colour that few others have."""
    red, green, blue = colour
    return max(red - number % 50, 0), green + number % 40, max(blue - number % 45, 0)


def _workspace(root: Path, others: list[tuple[int, int, int]]) -> Workspace:
    workspace = coloured(root, CLASSES.metrics[-1])
    _write(
        workspace.split("train"), [_like(RED if number % 2 else BLUE, number) for number in range(60)], labelled=True
    )
    _write(workspace.unlabelled("others"), others, labelled=False)
    return workspace


def _assess(workspace: Workspace, tmp_path: Path, **settings: Any) -> tuple[dict[str, Any], list[str], str]:
    return assessed(workspace, tmp_path, "shift", SETTINGS | settings, **PROBLEM)


def test_rows_of_the_same_kind_show_no_shift(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "w", [_like(RED if number % 2 else BLUE, number + 7) for number in range(60)])
    written, lines, _ = _assess(workspace, tmp_path)
    for one in written["backbones"]:
        assert one["auc_by_chance"][0] <= one["auc"] <= one["auc_by_chance"][1]
        assert min(one["auc_p"], one["mmd_p"]) > 0.02
    assert "No shift was found" in (workspace.assessment("shift") / "report.html").read_text()
    assert lines[0].startswith("120 rows, by two backbones: about ")


def test_rows_of_another_kind_are_told_apart_and_their_classes_estimated(tmp_path: Path) -> None:
    greenish = [
        (red, min(green + 120, 255), blue) for red, green, blue in map(_like, [RED] * 45 + [BLUE] * 15, range(60))
    ]
    workspace = _workspace(tmp_path / "w", greenish)
    written, _, said = _assess(workspace, tmp_path, max_shown=3)
    before, after = written["backbones"]
    assert (before["backbone"], after["backbone"]) == ("pretrained", "trained")
    assert before["auc"] > 0.95
    assert before["auc_p"] == before["mmd_p"] == 0.01
    scores = pd.read_parquet(workspace.assessment("shift") / "predictions.parquet")
    pooled = roc_auc_score(scores["rows"] == "others", scores["score_pretrained"])
    assert pooled == pytest.approx(before["auc"], abs=0.05)
    shares = {one["label"]: one for one in written["shares"]}
    assert shares["red"]["known"] == 0.5
    low, high = shares["red"]["estimated"][1:]
    assert low <= 0.75 <= high
    assert len(written["furthest"]) == 3
    assert said.startswith(f"a classifier tells others from the training rows with AUC {before['auc']:.3f}")
    page = (workspace.assessment("shift") / "report.html").read_text()
    assert page.count('alt="a row of others"') == 3


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "w", [RED] * 4)
    with pytest.raises(WorkspaceError, match=r"unlabelled.others has 4 rows, but assess.shift needs 5 of either side"):
        _assess(workspace, tmp_path)
