"""The test split of a workspace, as the gate sees it."""

from pathlib import Path

import pandas as pd
import pytest

from finetrail.contents.text.settings import TextSlice
from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.raw import Row, write_rows
from finetrail.errors import RefusedError, WorkspaceError
from finetrail.gate.answers import HeldOut, open_test_split, refuse_unknown
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.codec import ClassCodec
from finetrail.workspace import Workspace, write_json

CODEC = ClassCodec(("cooking", "sailing", "weather"))


def held_out(root: Path) -> HeldOut:
    """A test split of four texts, of which two are of a group."""
    workspace = Workspace(root)
    workspace.split("test").mkdir(parents=True)
    labels, groups = ["cooking", "weather", "snow", "cooking"], ["a", None, "a", None]
    rows = [
        Row("f", n, "word " * n, label, None, group, {"by hand": "no" if n else None})
        for n, (label, group) in enumerate(zip(labels, groups, strict=True))
    ]
    write_rows(rows, workspace.split("test"), StoredTexts(), CLASSES, metadata=["by hand"])
    write_json(workspace.split_report, {"sha256": {"test": "ab"}})
    return open_test_split(workspace, "text")


def test_labels_groups_and_contents_are_those_of_the_shards(tmp_path: Path) -> None:
    split = held_out(tmp_path)
    assert split.sha256 == "ab"
    assert split.labels == ["cooking", "weather", "snow", "cooking"]
    assert split.groups == ["a", None, "a", None]
    assert list(split.contents()) == ["", "word ", "word word ", "word word word "]


def test_a_declared_slice_is_found_by_its_rows(tmp_path: Path) -> None:
    declared = {"long": TextSlice(min_characters=6), "of a": TextSlice(group=["a"])}
    declared["by machine"] = TextSlice(metadata={"by hand": ["no"]})
    found = held_out(tmp_path).slices(declared)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "long": [False, False, True, True],
        "of a": [True, False, True, False],
        "by machine": [False, True, True, True],
    }


def test_a_label_that_the_model_does_not_know_is_refused(tmp_path: Path) -> None:
    split = held_out(tmp_path)
    with pytest.raises(
        RefusedError, match="the test split has the label 'snow', which is none of the 3 that the model"
    ):
        refuse_unknown(CODEC, split)
    known = HeldOut(split.folder, "text", "ab", pd.DataFrame({"label": ["cooking"]}))
    refuse_unknown(CODEC, known)


def test_a_workspace_without_a_test_split_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"splits/test does not exist, .*`dvc pull`, .*`dvc repro split`"):
        open_test_split(Workspace(tmp_path), "text")
