"""Planted wrong labels come out on top of the ranking, for every kind of label; all numbers follow from the files."""

import random
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.assessment.assessed import Pipeline
from finetrail.assessment.labels.assessing import said
from finetrail.assessment.labels.neighbours import neighbours
from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.raw import Row, write_rows
from finetrail.data.store.shards import read_frame
from finetrail.errors import SplitError, WorkspaceError
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.serving.predictions import read_predictions
from finetrail.stages.assess import assess
from finetrail.stages.split import split
from finetrail.targets.tags.reading import Label
from finetrail.targets.tags.spans import Span
from finetrail.workspace import Workspace, read_json, write_json
from tests.conftest import TOPICS, toy_rows
from tests.numbers import STEP, counted_texts
from tests.sets import WORDS, topical_texts
from tests.tagged import sentences
from tests.unit.params_file import load

PLANTED = 0.1
ROWS = 500
WIDTH = 192
SETS = {"name": "text-classification", "problem_type": "multi_label_classification"}


@pytest.fixture(scope="module")
def encoder(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder with features so wide that a linear head can tell its words apart, as after pretraining."""
    import torch
    from transformers import BertConfig, BertModel

    folder = Path(shutil.copytree(tiny_bert, tmp_path_factory.mktemp("encoder") / "wide"))
    config = BertConfig.from_pretrained(tiny_bert)
    config.update({"hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 1})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Toy:
    """A toy data set. Attributes: rows: texts and labels; wrong: makes a wrong label of a right one."""

    task: Any
    rows: Sequence[tuple[str, Any]]
    wrong: Callable[[random.Random, Any], Any]


def tagged(count: int) -> list[tuple[str, Label]]:
    """Sentences with the spans of their names and places."""
    found = []
    for one in sentences(count, wrong=0.0):
        text, spans = "", list[Span]()
        for word, tag in one:
            start = len(text) + bool(text)
            text = f"{text} {word}".strip()
            if tag.startswith("B-"):
                spans.append(Span(start, len(text), tag[2:]))
            elif tag.startswith("I-"):
                spans[-1] = spans[-1]._replace(end=len(text))
        found.append((text, Label(spans)))
    return found


def another(names: Sequence[str], chance: random.Random, label: str) -> str:
    return chance.choice([name for name in names if name != label])


def toggled(chance: random.Random, label: list[str]) -> list[str]:
    """The set with one class more or less."""
    return sorted({*label} ^ {chance.choice(sorted(WORDS))})


def retyped(chance: random.Random, label: Label) -> Label:
    """The spans with one of another type, or one span more where there is none."""
    spans = [Span(one["start"], one["end"], one["type"]) for one in label]
    at = chance.randrange(len(spans))
    spans[at] = spans[at]._replace(type={"PER": "LOC", "LOC": "PER"}[spans[at].type])
    return Label(spans)


def toy(kind: str) -> Toy:
    if kind == "classes":
        texts = [(row["text"], row["label"]) for row in toy_rows(size=ROWS) if row["text"]]
        return Toy("text-classification", texts, partial(another, sorted(TOPICS)))
    if kind == "class sets":
        return Toy(SETS, [(text, tuple(label)) for text, label in topical_texts(ROWS)], toggled)
    if kind == "numbers":
        return Toy("text-regression", counted_texts(ROWS), lambda chance, label: label + chance.choice([-9, 9]) * STEP)
    return Toy("token-classification", [row for row in tagged(ROWS) if row[1]], retyped)


def planted(tmp_path: Path, encoder: Path, data: Toy, **assessment: Any) -> tuple[Workspace, set[str], Any]:
    """What the stages before `assess` leave of the data with wrong labels, the ids of these, and params.yaml."""
    chance = random.Random(0)  # noqa: S311 - toy data
    wrong = set(chance.sample(range(len(data.rows)), round(PLANTED * len(data.rows))))
    rows = [
        Row("toy", at + 1, text, data.wrong(chance, label) if at in wrong else label)
        for at, (text, label) in enumerate(data.rows)
    ]
    workspace = Workspace(tmp_path)
    shutil.copytree(encoder, tmp_path / "data" / "weights" / "tiny-bert")
    edits = {"backbone": {"weights": "data/weights/tiny-bert", "max_tokens": 48}, "task": data.task}
    edits |= {"assess": {"labels": assessment}}
    params = load(tmp_path, edits)
    workspace.raw.mkdir(parents=True)
    write_rows(rows, workspace.raw, StoredTexts(), params.task.task.target)
    workspace.validation.mkdir(parents=True)
    workspace.quarantine.write_text("id\n", encoding="utf-8")
    split(workspace, params.split, params.task.task.target)
    task, (candidate,) = params.task.task, params.candidates.values()
    metric = task.target.metrics[-1]
    standing = Standing("probe", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 10, 20)
    write_json(workspace.selection_report, choose([standing], Selection(metric=metric.name), metric).as_json())
    built = task.build(
        candidate.backbone, task.target.learn([row.label for row in rows], candidate.train), tmp_path, ["text"]
    )
    task.save(built, candidate.backbone, workspace.model("probe"))
    return workspace, {str(rows[at].sha256)[:16] for at in wrong}, params


def run(workspace: Workspace, params: Any) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """The table that is written, the numbers, and the lines that were told."""
    lines: list[str] = []
    pipeline = Pipeline(params.selection, params.seed, params.split, params.candidates)
    settings = params.assess.asked()["labels"]
    done = assess(workspace, "labels", settings, pipeline=pipeline, tell=lines.append)
    folder = workspace.assessment("labels")
    written: dict[str, Any] = read_json(folder / "labels.json")
    assert done.said == said(written)
    return read_predictions(folder / "predictions.parquet"), written, lines


def share_found(table: pd.DataFrame, wrong: set[str], share: float = 0.15) -> float:
    """The share of the wrong labels that lie in the first part of the ranking."""
    top = table.sort_values("quality", kind="stable")["id"].head(round(share * len(table)))
    examined = wrong & set(table["id"])
    return len(examined & set(top)) / len(examined)


FOUND = {"classes": 0.9, "class sets": 0.7, "numbers": 0.95, "tags": 0.9}
"""The least share of planted labels in the first 15% of the ranking."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", FOUND)
def test_planted_wrong_labels_are_found_and_every_number_follows_from_the_table(
    kind: str, encoder: Path, tmp_path: Path
) -> None:
    workspace, wrong, params = planted(tmp_path, encoder, toy(kind), max_shown=50)
    table, written, lines = run(workspace, params)
    assert share_found(table, wrong) >= FOUND[kind]
    assert re.fullmatch(r"\d+ examples: about \d+ seconds for features, and seconds for heads", lines[0])
    assert re.fullmatch(rf"features of {len(table)} rows: [\d.]+ seconds; 5 heads: [\d.]+ seconds", lines[1])

    target = params.task.task.target
    (described,) = written["target"]
    codec = target.codec(described)
    labels = table["label"].tolist()
    again = codec.judge.suspicion(labels, codec.read(table))
    np.testing.assert_allclose(again.quality, table["quality"], rtol=1e-5)
    assert again.flagged.tolist() == table["flagged"].tolist()
    assert written["expected"] == int(table["flagged"].sum())
    assert written["rows"] == sum(one["rows"] for one in written["splits"]) == len(table)
    ranked = table.sort_values("quality", kind="stable").head(50)
    assert [one["id"] for one in written["suspects"]] == ranked["id"].tolist()
    assert [one["label"] for one in written["suspects"]] == [target.key(label) for label in ranked["label"]]
    columns = params.source.columns
    for one in written["suspects"]:
        for cell in filter(None, (one["label"], one["suggestion"])):
            assert target.key(target.from_cell("here", cell, columns)) == cell, "as ingest reads it"


def test_test_rows_are_not_examined_and_rows_that_belong_together_share_a_fold(encoder: Path, tmp_path: Path) -> None:
    data = toy("classes")
    copies = [(f"{text} indeed", label) for text, label in data.rows[:40]]
    workspace, _, params = planted(tmp_path, encoder, replace(data, rows=[*data.rows, *copies]), folds=4)
    table, _, _ = run(workspace, params)
    assert set(table["split"]) == {"train", "val"}
    assert not set(table["id"]) & set(read_frame(workspace.split("test"))["id"])
    assert sorted(table["fold"].unique()) == [0, 1, 2, 3]
    per_fold = pd.crosstab(table["fold"], table["label"])
    assert (per_fold.max() - per_fold.min()).max() <= 4, "each class in proportion"
    fold = dict(zip(table["id"], table["fold"], strict=True))
    ids = {text: str(Row("", 1, text, "").sha256)[:16] for text, _ in [*data.rows[:40], *copies]}
    pairs = [(ids[text], ids[f"{text} indeed"]) for text, _ in data.rows[:40]]
    both = [(one, other) for one, other in pairs if one in fold]
    assert both
    assert all(fold[one] == fold[other] for one, other in both)


def test_a_right_label_of_an_easy_row_is_no_suspect(encoder: Path, tmp_path: Path) -> None:
    workspace, wrong, params = planted(tmp_path, encoder, toy("numbers"))
    table, _, _ = run(workspace, params)
    flagged = set(table.loc[table["flagged"], "id"])
    assert len(flagged - wrong) <= 0.02 * len(table)
    mended = table[table["id"].isin(wrong) & table["flagged"]]
    right = {str(Row("", 1, text, "").sha256)[:16]: label for text, label in toy("numbers").rows}
    errors = [abs(one - right[row]) for row, one in zip(mended["id"], mended["suggestion"], strict=True)]
    assert np.mean(errors) < 2 * STEP, "the suggestions are near the numbers that were there"


@pytest.mark.slow
def test_the_same_again_is_the_same_bytes(encoder: Path, tmp_path: Path) -> None:
    workspace, _, params = planted(tmp_path, encoder, toy("tags"), max_shown=20)
    run(workspace, params)
    folder = workspace.assessment("labels")
    first = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert set(first) == {"labels.json", "about.json", "predictions.parquet", "report.html"}
    run(workspace, params)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == first


def test_what_users_wrote_is_escaped_in_the_page(encoder: Path, tmp_path: Path) -> None:
    texts = [(f"garlic onion {number} </div><script>alert(1)</script>", "a<b>") for number in range(30)]
    texts += [(f"anchor mast {number} <i>", "it's") for number in range(30)]
    data = Toy("text-classification", texts, partial(another, ["a<b>", "it's"]))
    workspace, _, params = planted(tmp_path, encoder, data)
    run(workspace, params)
    page = (workspace.assessment("labels") / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert" in page
    assert "a&lt;b&gt;" in page
    assert "<script" not in page.lower()
    assert "<b>" not in page


def test_rows_of_one_group_cannot_judge_each_other(encoder: Path, tmp_path: Path) -> None:
    workspace, _, params = planted(tmp_path, encoder, toy("classes"))
    for name in ("train", "val"):
        for file in workspace.split(name).glob("*.parquet"):
            table = pq.read_table(file)
            place = table.schema.get_field_index("group")
            pq.write_table(table.set_column(place, "group", pa.array(["one"] * len(table), pa.string())), file)
    with pytest.raises(SplitError, match=r"all \d+ rows of train and val are near duplicates or of one group, .* name"):
        run(workspace, params)


def test_a_candidate_that_was_removed_since_is_a_line(encoder: Path, tmp_path: Path) -> None:
    workspace, _, params = planted(tmp_path, encoder, toy("numbers"))
    other = Pipeline(params.selection, 0, params.split, {"other": params.candidates["probe"]})
    with pytest.raises(WorkspaceError, match=r"'probe' was chosen, but params\.yaml has only other; run `dvc repro`"):
        assess(workspace, "labels", params.assess.asked()["labels"], pipeline=other)


def test_the_nearest_rows_are_others_and_a_part_that_all_share_counts_for_nothing() -> None:
    shared = np.full(8, 100.0, dtype=np.float32)
    directions = np.eye(8, dtype=np.float32)[[0, 0, 1, 2, 3, 4]]
    directions[1] += 0.1 * directions[2]
    (of_first,), (of_last,) = (neighbours(shared + directions, [place], 2) for place in (0, 5))
    assert of_first[0].place == 1
    assert of_first[0].cosine > 0.9
    assert of_first[1].cosine < 0.1
    assert {one.place for one in of_last} <= {0, 1, 2, 3, 4}
    assert neighbours(shared + directions, [0], 0) == [[]]
    assert len(neighbours(shared + directions, [0], 20)[0]) == 5
