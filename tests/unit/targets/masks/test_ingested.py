"""From files of all sorts of faults to the rows that the rules find, and back by their remedies."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetrail.data.store.raw import keyed, read_manifest
from finetrail.sections import sections
from finetrail.stages.ingest import ingest
from finetrail.targets.masks import MASKS
from finetrail.tasks.registry import get_task
from finetrail.workspace import Workspace
from tests.unit.targets.masks.images import CLASSES, NUMBERS, encoded, photo

SECTIONS: Any = sections(get_task("image-segmentation")).model_fields
GAP = np.where(NUMBERS == 2, 9, NUMBERS).astype(np.uint8)
MASKS_OF = {
    "good": encoded(NUMBERS),
    "turned": encoded(np.rot90(NUMBERS).copy()),
    "upright": encoded(NUMBERS),
    "other": encoded(NUMBERS[:3]),
    "gap": encoded(GAP),
    "lossy": encoded(NUMBERS, "JPEG"),
    "damaged": encoded(NUMBERS)[:50],
    "empty": encoded(np.zeros_like(NUMBERS)),
}
COLUMNS: dict[str, Any] = {"classes": CLASSES}


def write(folder: Path, masks: dict[str, bytes]) -> None:
    """Images of different content: `turned` and `upright` are stored on their side."""
    for at, name in enumerate([*MASKS_OF, "alone"]):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        data = photo(6 if name in ("turned", "upright") else 1) + bytes(at)  # the same pixels, another file
        (folder / "images" / f"{name}.jpg").write_bytes(data)
    (folder / "masks").mkdir()
    for name, data in masks.items():
        (folder / "masks" / f"{name}.png").write_bytes(data)


def found(tmp_path: Path, masks: dict[str, bytes], columns: dict[str, Any], **rules: Any) -> dict[str, str]:
    """What the rules that put rows aside say of each row that they find."""
    write(tmp_path / "toy", masks)
    source = SECTIONS["source"].annotation(path="toy", columns=columns)
    workspace = Workspace(tmp_path)
    ingest(workspace, source)
    judge = SECTIONS["validation"].annotation(
        near_duplicate={"policy": "off"}, near_conflicting_label={"policy": "off"}, **rules
    )
    table = judge.derive(keyed(read_manifest(workspace.raw), MASKS.key))
    said = {}
    for rule in judge.catalogue():
        if rule.puts_aside and rule.tells in table:
            for _, row in table[table[rule.tells].notna()].iterrows():
                said[Path(row["source"]).stem] = f"{rule.name}: {row[rule.tells]}"
    return said


def test_each_faulty_file_is_found_with_its_reason(tmp_path: Path) -> None:
    said = found(tmp_path, MASKS_OF, COLUMNS)
    assert said.pop("damaged").startswith("unreadable_mask: not a complete image")
    assert said == {
        "turned": "mask_size: the mask has 4 x 6 pixels, the image has 6 x 4: it was turned as its EXIF data says",
        "other": "mask_size: the mask has 6 x 3 pixels, the image has 6 x 4",
        "gap": "unknown_value: 9 in 1 of 24 pixels",
        "lossy": "lossy_mask: JPEG changes values",
        "alone": "missing_mask: no mask has its name",
    }


def test_the_remedies_work(tmp_path: Path) -> None:
    mended = MASKS_OF | dict.fromkeys(("turned", "other", "lossy", "damaged", "alone"), MASKS_OF["good"])
    classes = dict(enumerate(CLASSES))
    assert found(tmp_path / "drawn anew", mended, {"classes": classes | {9: "grain"}}) == {}
    assert found(tmp_path / "ignored", mended, {"classes": CLASSES, "ignore": 9}) == {}


@pytest.mark.parametrize(
    ("name", "rule"), [("gap", "unknown_value"), ("lossy", "lossy_mask"), ("alone", "missing_mask")]
)
def test_a_rule_that_is_off_lets_its_rows_pass(tmp_path: Path, name: str, rule: str) -> None:
    said = found(tmp_path, MASKS_OF, COLUMNS, **{rule: {"policy": "off"}})
    assert name not in said
    assert len(said) == 5
