"""`finetrail predict`: a file goes in, the same rows come out with label and score, or one line says why not."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from finetrail.commands.predict import Scored, predict
from finetrail.contents.text import TEXT as CONTENT
from finetrail.contents.text.settings import TextBackbone
from finetrail.data.store.shards import Most
from finetrail.errors import ConfigError, FinetrailError, ModelError, SourceError
from finetrail.registry.packing import Version
from finetrail.runs.hashes import hash_folder
from finetrail.serving.answer import answer
from finetrail.tasks.registry import get_task, load_model
from finetrail.workspace import Workspace

pytestmark = pytest.mark.slow

TEXTS = ["good superb door", 'a "bad",\nchair', "NA", "ümlaut 🚀", "old\rline ends"]
MODEL = "models:/shared@challenger"
TEXT: dict[str, Any] = {"content": CONTENT, "columns": ["text"]}


@pytest.fixture
def workspace(tmp_path: Path, mlflow_database: str, registered: Version, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    assert registered
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    return Workspace(tmp_path)


def write(path: Path, column: str = "text", texts: list[str] = TEXTS) -> Path:
    frame = pd.DataFrame({"id": range(len(texts)), column: pd.Series(texts, dtype=str)})
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".jsonl":
        return pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    return pd.read_csv(path, keep_default_na=False)


@pytest.mark.parametrize(
    ("source", "target"), [("a.csv", "b.csv"), ("a.tsv", "b.jsonl"), ("a.jsonl", "b.parquet"), ("a.parquet", "b.csv")]
)
def test_every_row_is_scored_in_its_order(workspace: Workspace, saved_model: Path, source: str, target: str) -> None:
    done = predict(workspace, MODEL, write(workspace.root / source), workspace.root / target, **TEXT)
    assert done == Scored(len(TEXTS), 0, None)
    expected = answer(load_model(saved_model), TEXTS)
    found = read(workspace.root / target)
    assert list(found.columns) == ["id", "text", "row", "predicted_label", "score"]
    assert list(found["text"]) == TEXTS
    assert list(found["row"]) == [1, 2, 3, 4, 5]
    assert list(found["predicted_label"]) == list(expected["label"])
    assert list(found["score"]) == pytest.approx(list(expected["score"]), rel=1e-9)
    assert {path.name for path in workspace.root.iterdir()} == {source, target, ".finetrail"}  # nothing half written


def test_the_column_may_have_another_name_than_the_models(workspace: Workspace) -> None:
    target = workspace.root / "b.csv"
    done = predict(workspace, MODEL, write(workspace.root / "a.csv", "Body"), target, content=CONTENT, columns=["Body"])
    assert done.rows == len(TEXTS)
    assert list(read(target).columns) == ["id", "Body", "row", "predicted_label", "score"]


def test_a_column_called_label_is_not_doubled(workspace: Workspace) -> None:
    target = workspace.root / "b.parquet"
    predict(workspace, MODEL, write(workspace.root / "a.csv", "label"), target, content=CONTENT, columns=["label"])
    assert list(read(target).columns) == ["id", "label", "row", "predicted_label", "score"]


def test_a_parquet_file_says_which_model_answered(workspace: Workspace, saved_model: Path) -> None:
    target = workspace.root / "b.parquet"
    predict(workspace, str(saved_model), write(workspace.root / "a.csv"), target, chunk=Most(2, 2**20), **TEXT)
    said = {b"finetrail.model": str(saved_model), b"finetrail.fingerprint": hash_folder(saved_model)}
    assert pq.read_schema(target).metadata == {key: value.encode() for key, value in said.items()}


def test_two_texts_a_row_are_scored_together_whatever_their_columns_are_called(
    workspace: Workspace, paired_model: Path
) -> None:
    source, target = workspace.root / "a.csv", workspace.root / "b.csv"
    rows = [("good", "bad door"), ("bad door", "good"), ("", "good"), ("good", "")]
    pd.DataFrame(rows, columns=["Q", "A"]).to_csv(source, index=False)
    done = predict(workspace, str(paired_model), source, target, content=CONTENT, columns=["Q", "A"])
    assert done == Scored(2, 2, workspace.root / "b.csv.rejects.csv")
    named = [{"question": one, "answer": other} for one, other in rows[:2]]
    expected = answer(load_model(paired_model), named)
    found = read(target)
    assert list(found.columns) == ["Q", "A", "row", "predicted_label", "score"]
    assert list(zip(found["Q"], found["A"], strict=True)) == rows[:2]
    assert list(found["score"]) == pytest.approx(list(expected["score"]), rel=1e-9)
    assert expected["score"].nunique() == 2
    refused = read(workspace.root / "b.csv.rejects.csv")
    assert refused["reason"].tolist() == ["column 'Q': empty text", "column 'A': empty text"]


@pytest.mark.parametrize("name", ["b.csv", "b.jsonl", "b.parquet"])
def test_answers_that_are_lists_are_json_text_in_csv_and_lists_in_other_formats(
    workspace: Workspace, backbone: TextBackbone, name: str
) -> None:
    task = get_task("text-classification", "multi_label_classification")
    learning = task.target.learned({"labels": ["bad", 'go"od', "ok"], "thresholds": [0.5, 0.01, 0.99]})
    task.save(task.build(backbone, learning, Path(), ["text"]), backbone, workspace.root / "model")
    source, target = write(workspace.root / "a.csv", "labels"), workspace.root / name
    done = predict(workspace, str(workspace.root / "model"), source, target, content=CONTENT, columns=["labels"])
    assert done == Scored(len(TEXTS), 0, None)
    expected = answer(load_model(workspace.root / "model"), TEXTS)
    found = read(target)
    assert list(found.columns) == ["id", "labels", "row", "predicted_labels", "scores"]
    assert list(found["labels"]) == TEXTS
    cells = [found["predicted_labels"], found["scores"]]
    labels, scores = (map(json.loads, column) if target.suffix == ".csv" else map(list, column) for column in cells)
    assert list(labels) == list(expected["labels"])
    assert any(map(len, expected["labels"]))
    for one, other in zip(scores, expected["scores"], strict=True):
        assert one == pytest.approx(other, rel=1e-9)


def test_a_model_of_other_columns_is_refused(workspace: Workspace, saved_model: Path) -> None:
    pd.DataFrame([("a", "b")], columns=["Q", "A"]).to_csv(workspace.root / "a.csv", index=False)
    with pytest.raises(ConfigError, match=r"reads text, but is given Q, A; name as many with"):
        predict(
            workspace,
            str(saved_model),
            workspace.root / "a.csv",
            workspace.root / "b.csv",
            content=CONTENT,
            columns=["Q", "A"],
        )


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_where_nothing_can_be_scored_the_earlier_files_stay(
    workspace: Workspace, saved_model: Path, texts: list[str]
) -> None:
    source, target = write(workspace.root / "a.csv", texts=texts), workspace.root / "b.csv"
    target.write_text("earlier")
    (workspace.root / "b.csv.rejects.csv").write_text("earlier too")
    message = (
        r"^none of the 2 rows of a\.csv could be scored \(row 1: empty text\); correct the source, or name the right "
        r"column with --column; b\.csv is unchanged$"
        if texts
        else r"^a\.csv has no rows to score; name a file that has some; b\.csv is unchanged$"
    )
    with pytest.raises(SourceError, match=message):
        predict(workspace, str(saved_model), source, target, **TEXT)
    assert target.read_text() == "earlier"
    assert (workspace.root / "b.csv.rejects.csv").read_text() == "earlier too"
    assert len(list(workspace.root.iterdir())) == 3


@pytest.mark.parametrize("way", ["same", "other path", "symbolic link", "hard link", "its rejects"])
def test_results_never_replace_the_file_that_is_scored(tmp_path: Path, way: str) -> None:
    source = target = write(tmp_path / "a.csv")
    if way == "other path":
        (tmp_path / "sub").mkdir()
        target = tmp_path / "sub" / ".." / "a.csv"
    elif way == "symbolic link":
        (target := tmp_path / "b.csv").symlink_to(source)
    elif way == "hard link":
        (target := tmp_path / "b.csv").hardlink_to(source)
    elif way == "its rejects":
        source, target = write(tmp_path / "b.csv.rejects.csv"), tmp_path / "b.csv"
    before = source.read_bytes()
    with pytest.raises(ConfigError, match=r"the file to score, and the results would replace it; name another target"):
        predict(Workspace(tmp_path), MODEL, source, target, **TEXT)
    assert source.read_bytes() == before


KEPT = [
    {"id": 7, "text": "good door", "tags": ["a"], "label": "mine"},
    {"id": None, "text": "", "tags": [], "label": "yours"},
    {"id": 9, "text": "bad, chair", "tags": None, "label": None},
]


@pytest.mark.parametrize("target", ["b.csv", "b.jsonl", "b.parquet"])
@pytest.mark.parametrize("source", ["a.csv", "a.jsonl", "a.json", "a.parquet"])
def test_the_callers_own_columns_are_kept(workspace: Workspace, saved_model: Path, source: str, target: str) -> None:
    path, frame = workspace.root / source, pd.DataFrame(KEPT).astype({"id": "Int64"})
    if source.endswith(".csv"):
        frame.to_csv(path, index=False, sep=";")
    elif source.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        path.write_text(json.dumps(KEPT) if source == "a.json" else "\n".join(map(json.dumps, KEPT)))
    scored = workspace.root / target
    # One row a chunk: the first must not decide the types of the others.
    done = predict(workspace, str(saved_model), path, scored, chunk=Most(1, 2**20), **TEXT)
    assert (done.rows, done.rejected) == (2, 1)
    found = read(scored)
    assert list(found.columns) == ["id", "text", "tags", "label", "row", "predicted_label", "score"]
    assert [str(one) for one in found["id"]] == ["7", "9"]
    assert found["label"][0] == "mine"
    refused = read(workspace.root / f"{target}.rejects.csv")
    assert list(refused.columns) == ["row", "id", "text", "tags", "label", "reason"]
    assert (str(refused["row"][0]), refused["label"][0], refused["reason"][0]) == ("2", "yours", "empty text")


def test_columns_to_keep_that_are_not_there(workspace: Workspace, saved_model: Path) -> None:
    source, target = write(workspace.root / "a.csv"), workspace.root / "b.csv"
    with pytest.raises(SourceError, match=r"^a\.csv: 0 columns are called 'note'; it has 'id', 'text'; set --keep$"):
        predict(workspace, str(saved_model), source, target, keep=["note"], **TEXT)
    predict(workspace, str(saved_model), source, target, keep=["id", "text"], **TEXT)
    assert list(read(target).columns) == ["id", "text", "row", "predicted_label", "score"]
    with pytest.raises(ConfigError, match=r"has no columns, so --keep keeps nothing; leave it out, or give a table$"):
        predict(workspace, str(saved_model), workspace.root, target, keep=["id"], **TEXT)


@pytest.mark.parametrize(("asked", "classes"), [({"probabilities": True}, 2), ({"top": 1}, 1)])
def test_probabilities_of_classes_on_request(
    workspace: Workspace, saved_model: Path, asked: dict[str, Any], classes: int
) -> None:
    source, target = write(workspace.root / "a.csv", texts=["good", "", "bad"]), workspace.root / "b.parquet"
    done = predict(workspace, str(saved_model), source, target, asked=asked, chunk=Most(1, 2**20), **TEXT)
    assert (done.rows, done.rejected) == (2, 1)
    found = read(target)
    for _, row in found.iterrows():
        said = list(row["probabilities"])
        assert len(said) == classes
        assert (said[0]["label"], said[0]["probability"]) == (row["predicted_label"], row["score"])
        assert classes == 1 or sum(one["probability"] for one in said) == pytest.approx(1)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"n_best": 3},
            r"^text-classification has no option 'n_best'; leave it out \(its options: probabilities, top\)$",
        ),
        ({"top": 0}, r"^top is 0: must be greater than or equal to 1$"),
    ],
)
def test_an_option_that_the_task_does_not_have(
    workspace: Workspace, saved_model: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        predict(
            workspace, str(saved_model), write(workspace.root / "a.csv"), workspace.root / "b.csv", asked=asked, **TEXT
        )
    predict(workspace, str(saved_model), workspace.root / "a.csv", workspace.root / "b.csv", **TEXT)  # the remedy


def test_a_link_stays_and_what_it_leads_to_is_written(workspace: Workspace, saved_model: Path) -> None:
    (link := workspace.root / "b.csv").symlink_to(workspace.root / "real.csv")
    predict(workspace, str(saved_model), write(workspace.root / "a.csv"), link, **TEXT)
    assert link.is_symlink()
    assert len(read(workspace.root / "real.csv")) == len(TEXTS)


def test_a_column_that_stands_twice_is_left_out_and_named(
    workspace: Workspace, saved_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.root / "a.csv").write_text("note,text,note\n1,good,2\n")
    predict(workspace, str(saved_model), workspace.root / "a.csv", workspace.root / "b.csv", **TEXT)
    assert "several columns are called note: none of these is kept" in caplog.text
    assert list(read(workspace.root / "b.csv").columns) == ["text", "row", "predicted_label", "score"]


def test_a_target_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(ConfigError, match=r"b\.csv is a folder, not a file; name a file$"):
        predict(Workspace(tmp_path), MODEL, write(tmp_path / "a.csv"), tmp_path / "b.csv", **TEXT)


def test_the_targets_folder_is_made(workspace: Workspace) -> None:
    target = workspace.root / "deep" / "er" / "b.csv"
    predict(workspace, MODEL, write(workspace.root / "a.csv"), target, **TEXT)
    assert len(read(target)) == len(TEXTS)


@pytest.mark.parametrize(
    ("source", "content", "target", "message"),
    [
        ("no.csv", None, "b.csv", "no.csv does not exist; give a CSV, TSV, JSONL or Parquet file"),
        ("a.txt", "x", "b.csv", "'a.txt': cannot tell its format from '.txt'; give a CSV, TSV, JSONL or"),
        (
            "a.csv",
            "text\nx\n",
            "b.xlsx",
            "'b.xlsx': cannot tell the format from '.xlsx'; end the name in ",
        ),
        ("a.csv", "body\nx\n", "b.csv", "a.csv: no column 'text'; it has 'body'"),
        ("a.csv", "", "b.csv", "a.csv: no column 'text'; it has none"),
        ("a.csv", 'text\n"a,b"\n"a"b\n', "b.csv", "a.csv, line 3: ',' expected after '\"'; correct the quoting there"),
        ("a.jsonl", '{"body": "x"}\n', "b.csv", "a.jsonl: no column 'text'; it has 'body'"),
        ("a.parquet", "x", "b.csv", "a.parquet cannot be read as Parquet ("),
    ],
)
def test_what_cannot_be_scored_leaves_the_earlier_file(
    tmp_path: Path, source: str, content: str | None, target: str, message: str
) -> None:
    if content is not None:
        (tmp_path / source).write_text(content)
    (tmp_path / target).write_text("earlier")
    with pytest.raises((SourceError, ConfigError)) as caught:
        predict(Workspace(tmp_path), MODEL, tmp_path / source, tmp_path / target, **TEXT)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert (tmp_path / target).read_text() == "earlier"


@pytest.mark.parametrize("name", ["b.csv", "b.jsonl", "b.parquet"])
def test_rows_without_a_text_are_named_with_their_number_and_the_reason(
    workspace: Workspace, saved_model: Path, name: str
) -> None:
    source, target = workspace.root / "a.jsonl", workspace.root / name
    source.write_bytes(
        b'{"text": null}\n{"text": ""}\n{"text": "good door"}\n{"text": "\xe9"}\n{"text": "bad, \\n"}\n[1]\n'
    )
    done = predict(workspace, str(saved_model), source, target, chunk=Most(2, 2**20), **TEXT)
    assert done == Scored(2, 4, workspace.root / f"{name}.rejects.csv")
    assert list(read(target)["text"]) == ["good door", "bad, \n"]
    with (workspace.root / f"{name}.rejects.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["row", "text", "reason"],
            ["1", "", "no text"],
            ["2", "", "empty text"],
            ["4", "", "byte 0xe9 is not UTF-8"],
            ["6", "", "not a JSON object"],
        ]


def test_a_folder_of_mlflow_and_one_of_train_answer_as_the_registered_model(
    workspace: Workspace, saved_model: Path
) -> None:
    from mlflow.artifacts import download_artifacts

    source = write(workspace.root / "a.csv")
    files = []
    for number, model in enumerate((MODEL, download_artifacts(MODEL), str(saved_model))):
        files.append(workspace.root / f"{number}.csv")
        predict(workspace, model, source, files[-1], **TEXT)
    assert files[0].read_bytes() == files[1].read_bytes() == files[2].read_bytes()


def test_a_folder_that_holds_no_model(workspace: Workspace) -> None:
    with pytest.raises(ModelError, match=r"holds no model.json, so it is not a finetrail model; name another"):
        predict(workspace, str(workspace.root), write(workspace.root / "a.csv"), workspace.root / "b.csv", **TEXT)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("models:/nonesuch@challenger", r"^no version of 'nonesuch' is registered; run `dvc repro`$"),
        ("models:/shared@champion", r"^'shared' has no version 'champion'; it has 1, challenger$"),
        ("models:/shared/99", r"^'shared' has no version '99'; it has 1, challenger$"),
        ("shared", r"^'shared' is not a model address; write models:/NAME@ALIAS or models:/NAME/VERSION$"),
    ],
)
def test_a_model_that_is_not_registered(workspace: Workspace, model: str, said: str) -> None:
    source, target = write(workspace.root / "a.csv"), workspace.root / "b.csv"
    with pytest.raises(FinetrailError, match=said):
        predict(workspace, model, source, target, **TEXT)
    assert not target.exists()
