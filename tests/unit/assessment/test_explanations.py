"""Explanations of models that one can see through: attributions fall where they read; neighbours tell more."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from finetrail.assessment.explanations.gradients import attributed
from finetrail.assessment.explanations.neighbours import percentile, verdict
from finetrail.assessment.explanations.scores import said
from finetrail.assessment.nearest import features_of, nearest
from finetrail.contents.image.backbone import VisionBackbone, explainable
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.contents.text.settings import TextBackbone
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.models.network import Network
from finetrail.progress import quiet
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import read_predictions
from finetrail.stages.assess import assess
from finetrail.targets.classes import CLASSES
from finetrail.targets.learning import Explained
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, read_json, write_json
from tests.unit.assessment.pipelines import pipeline_of
from tests.unit.params_file import load
from tests.unit.red_or_blue import image, save_red_or_blue
from tests.unit.test_sections import IMAGES

F1 = CLASSES.metrics[-1]
SETS = "multi_label_classification"
LEARNED: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "classes": ("text-classification", None, {"labels": ["a", "b", "c"]}),
    "class_sets": ("text-classification", SETS, {"labels": ["a", "b", "c"], "thresholds": [0.5, 0.5, 0.5]}),
    "numbers": ("text-regression", None, {"mean": 0.0, "std": 1.0}),
    "tags": ("token-classification", None, {"types": ["A", "B"], "plain": False}),
}
WRONG: dict[str, Any] = {"classes": "a", "class_sets": [], "numbers": 7.0, "tags": []}


def built(backbone: TextBackbone, target: str, *, columns: tuple[str, ...] = ("text",), seed: int = 0) -> Built:
    """A model with random weights."""
    name, problem, described = LEARNED[target]
    task = get_task(name, problem)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = task.build(backbone, task.target.learned(described), Path(), columns)
        nn.init.normal_(made.model.head.weight, std=1.0)  # type: ignore[arg-type]
    made.model.eval()
    return made


def reads_only(made: Built, word: str) -> None:
    """Take from a BERT all that tells words apart, but for one word: no attention, and equal embeddings."""
    encoder: Any = made.model.backbone.encoder
    tokenizer: Any = made.processor
    with torch.no_grad():
        for layer in encoder.encoder.layer:
            for dense in (layer.attention.output.dense, layer.output.dense):
                dense.weight.zero_()
                dense.bias.zero_()
        words = encoder.embeddings.word_embeddings.weight
        words[:] = words[7]
        number = tokenizer.tokenizer.convert_tokens_to_ids(word)
        words[number] += torch.linspace(-1, 1, words.shape[1])
        encoder.embeddings.position_embeddings.weight.zero_()


@pytest.mark.parametrize("target", ["classes", "class_sets", "numbers"])
def test_attributions_fall_on_the_one_word_that_a_model_reads(backbone: TextBackbone, target: str) -> None:
    made = built(backbone, target)
    reads_only(made, "good")
    text = "table good chair window"
    (one,) = made.task.content.networks().explainable(made.model, made.processor, text)
    found = attributed(made.model, one, Explained(0, (0,), ""), steps=64)
    assert list(one.parts.names) == ["table", "good", "chair", "window", "(other)"]
    share = np.abs(found.values) / np.abs(found.values).sum()
    assert share[1] > 0.999
    assert abs(found.output - found.baseline) > 0.01
    assert found.error < 0.01


def test_a_tag_is_explained_by_its_own_word_where_a_model_reads_no_other(backbone: TextBackbone) -> None:
    made = built(backbone, "tags")
    reads_only(made, "good")
    text = "table good chair"
    (one,) = made.task.content.networks().explainable(made.model, made.processor, text)
    of_good, of_chair = (attributed(made.model, one, Explained(0, (word, 1), ""), steps=64) for word in (1, 2))
    assert np.abs(of_good.values).argmax() == 1
    assert of_good.error < 0.01
    assert np.abs(of_chair.values).max() < 1e-5
    assert of_chair.output == pytest.approx(of_chair.baseline, abs=1e-5)


class Corner(nn.Module):
    """Features of the upper left corner of an image alone."""

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.tanh(pixels[:, :, :8, :8].mean(dim=(2, 3)))


def test_attributions_fall_on_the_one_corner_that_a_model_reads() -> None:
    preprocessing = Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), "bilinear")
    network = Network(VisionBackbone(Corner(), "corner", preprocessing), nn.Linear(3, 2))
    (one,) = explainable(network, ImageProcessor(preprocessing), image((230, 20, 20), size=(32, 32)))
    found = attributed(network, one, Explained(0, (1,), ""), steps=64)
    heat = found.values.reshape(16, 16)
    assert np.count_nonzero(heat[4:]) == np.count_nonzero(heat[:, 4:]) == 0
    assert np.count_nonzero(heat[:4, :4]) == 16
    assert found.error < 0.01
    shown = one.parts.shown(found.values)
    assert shown.count("<image") == 2
    assert shown.count("<rect") == 256
    assert "row 1, column 4: " in shown


@pytest.mark.parametrize("steps", [8, 64])
def test_attributions_add_up_to_the_difference_of_the_outputs(backbone: TextBackbone, steps: int) -> None:
    made = built(backbone, "classes")
    errors = []
    for text in ("good table", "bad sad river stone cloud", "house"):
        (one,) = made.task.content.networks().explainable(made.model, made.processor, text)
        errors.append(attributed(made.model, one, Explained(0, (2,), ""), steps).error)
    assert max(errors) < (0.5 if steps == 8 else 0.02)


def test_vectors_in_front_of_a_text_do_not_stand_in_the_way(backbone: TextBackbone) -> None:
    made = built(backbone, "classes")
    soft: Any = made.model.backbone
    soft.add_soft_prompt("prompt_tuning", 4).initialise()
    (one,) = made.task.content.networks().explainable(made.model, made.processor, "good table")
    found = attributed(made.model, one, Explained(0, (0,), ""), steps=64)
    assert list(one.parts.names) == ["good", "table", "(other)"]
    assert found.error < 0.02


def test_words_are_those_of_the_text_whatever_pieces_they_have(backbone: TextBackbone) -> None:
    made = built(backbone, "classes", columns=("left", "right"))
    content = {"left": "Good  <b>apple", "right": "bad"}
    (one,) = made.task.content.networks().explainable(made.model, made.processor, content)
    names = list(one.parts.names)
    assert names[0] == "Good"
    assert "apple" in names, "one word of several pieces"
    assert names[-2:] == ["bad", "(other)"]
    shown = one.parts.shown(np.linspace(-1, 1, len(names)))
    assert "&lt;" in shown
    assert "<b>" not in shown
    assert " | " in shown


@pytest.mark.parametrize("target", LEARNED)
def test_the_output_that_is_explained_is_the_one_that_was_answered(backbone: TextBackbone, target: str) -> None:
    """Of a text in several windows, in that window whose answer counts."""
    text = " ".join(["good table sad river", "bad stone happy cloud house"] * 5)
    for seed in range(3):
        made = built(backbone, target, seed=seed)
        answers = answers_to(made, [text])
        inputs: Any = made.processor.encode([text])
        label = WRONG[target] if target != "tags" or answers.spans[0] else [{"start": 0, "end": 4, "type": "A"}]
        found = made.learning.explained(label, answers, inputs)
        assert found is not None
        with torch.no_grad():
            outputs = made.model(inputs.batch([found.example]))[0]
        logits = answers.logits[0] if target == "tags" else answers[0]
        place = list(found.place)
        if target == "tags":
            place[0] += inputs.windows[found.example].first_word
            assert made.codec.outputs[place[1]].startswith("B-")
            assert len(inputs) > 1
        assert float(outputs[found.place]) == pytest.approx(float(logits[tuple(place)]), abs=1e-4)
        assert found.said


def test_a_missed_span_of_a_word_that_no_window_shows_has_no_output(backbone: TextBackbone) -> None:
    made = built(backbone, "tags")
    text = "\u200d\ufe0f"  # the tokenizer drops both
    answers, inputs = answers_to(made, [text]), made.processor.encode([text])
    span = [{"start": 0, "end": 2, "type": "A"}]
    assert [window.words for window in inputs.windows] == [0]  # type: ignore[attr-defined]
    assert made.learning.explained(span, answers, inputs) is None


def test_nearest_rows_are_those_of_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    rows, known = (chance.normal(size=(size, 6)).astype(np.float32) for size in (20, 50))
    places, similarities = nearest(rows, known, 5)
    distances, expected = NearestNeighbors(n_neighbors=5, metric="cosine").fit(known).kneighbors(rows)
    assert (places == expected).all()
    assert similarities == pytest.approx(1 - distances, abs=1e-5)
    assert nearest(rows, known[:3], 5)[0].shape == (20, 3)


def test_the_features_of_a_text_of_words_are_their_mean(backbone: TextBackbone, tmp_path: Path) -> None:
    made = built(backbone, "tags")
    texts = ["good table", "bad", "good table sad"]
    found = features_of(made, texts, scratch=tmp_path, track=quiet)
    inputs = made.processor.encode(texts)
    with torch.no_grad():
        expected = [made.model.features(inputs.batch([row]))[0].mean(0).numpy() for row in range(3)]
    assert found == pytest.approx(np.stack(expected), abs=1e-5)


def test_verdicts_follow_the_rule() -> None:
    judge = CLASSES.codec({"labels": ["a", "b"]}).judge
    assert verdict(judge, "a", ["b"] * 5, 4.0) == "never seen"
    assert verdict(judge, "a", ["b"] * 5, 30.0) == "label in doubt"
    assert verdict(judge, "a", ["b"] * 5, 20.0) == "unclear"
    assert verdict(judge, "a", ["b", "a"], 90.0) == "seen"
    assert percentile(0.5, np.array([0.1, 0.5, 0.9, 0.7])) == 50.0


def write_split(folder: Path, rows: list[tuple[str, bytes, str]]) -> None:
    folder.mkdir(parents=True)
    ids, images, labels = (list(column) for column in zip(*rows, strict=True))
    table = {"id": ids, "image": images, "label": labels, "group": pa.array([None] * len(rows), pa.string())}
    pq.write_table(pa.table(table), folder / "part-00000.parquet")


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Red and blue images: one of those to validate has a wrong label, and one is like nothing in training."""
    workspace = Workspace(tmp_path_factory.mktemp("explained"))
    chance = np.random.default_rng(0)

    def shade(red: bool) -> bytes:
        strong, weak = int(chance.integers(200, 255)), int(chance.integers(0, 60))
        return image((strong, weak, weak) if red else (weak, weak, strong), size=(32, 32))

    write_split(workspace.split("train"), [(f"t{n}", shade(n % 2 > 0), "red" if n % 2 else "blue") for n in range(40)])
    val = [(f"v{n}", shade(n % 2 > 0), "red" if n % 2 else "blue") for n in range(40)]
    twin = image((30, 30, 230), size=(32, 32))
    strange = image((0, 255, 0), size=(32, 32))
    write_split(workspace.split("val"), [*val, ("wrong-label", twin, "red"), ("strange", strange, "")])
    standing = Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 10, 20)
    write_json(workspace.selection_report, choose([standing], Selection(metric=F1.name), F1).as_json())
    save_red_or_blue(workspace.model("full"))
    made = get_task("image-classification").load(workspace.model("full"))
    answer = made.codec.say(answers_to(made, [strange]))["label"][0]
    frame = pq.read_table(workspace.split("val")).to_pandas()
    frame.loc[frame["id"] == "strange", "label"] = {"red": "blue", "blue": "red"}[answer]
    frame["group"] = frame["group"].astype("str").where(frame["group"].notna(), None)
    schema = pq.read_schema(workspace.split("val") / "part-00000.parquet")
    pq.write_table(
        pa.Table.from_pandas(frame, schema, preserve_index=False), workspace.split("val") / "part-00000.parquet"
    )
    return workspace


def assessed(workspace: Workspace, tmp_path: Path) -> tuple[dict[str, Any], list[str]]:
    params = load(tmp_path, IMAGES | {"assess": {"explanations": {"steps": 16}}})
    lines: list[str] = []
    settings = params.assess.asked()["explanations"]
    done = assess(workspace, "explanations", settings, pipeline=pipeline_of(params), tell=lines.append)
    written: dict[str, Any] = read_json(workspace.assessment("explanations") / "explanations.json")
    assert done.said == said(written)
    return written, lines


def test_a_wrong_label_and_a_row_like_nothing_in_training_are_told_apart(coloured: Workspace, tmp_path: Path) -> None:
    written, lines = assessed(coloured, tmp_path)
    found = {one["id"]: one for one in written["mistakes"]}
    assert set(found) == {"wrong-label", "strange"}
    assert found["wrong-label"]["verdict"] == "label in doubt"
    assert found["wrong-label"]["similarities"][0] > 0.99
    assert found["strange"]["verdict"] == "never seen"
    assert (written["labels_in_doubt"], written["never_seen"], written["wrong"]) == (1, 1, 2)
    assert lines[0].startswith("42 rows and 40 training rows: about ")
    page = (coloured.assessment("explanations") / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "Look at its label first." in page
    assert "<script" not in page


def test_every_number_can_be_computed_again_from_the_table(coloured: Workspace, tmp_path: Path) -> None:
    written, _ = assessed(coloured, tmp_path)
    table = read_predictions(coloured.assessment("explanations") / "predictions.parquet").set_index("id")
    assert len(table) == 42
    for rank, one in enumerate(written["mistakes"]):
        row = table.loc[one["id"]]
        assert row["rank"] == rank
        values = np.asarray(row["attributions"])
        difference = row["output"] - row["baseline"]
        assert one["completeness_error"] == pytest.approx(abs(values.sum() - difference) / abs(difference))
        heaviest = int(np.abs(values).argmax())
        assert one["heaviest"][0] == {"part": row["parts"][heaviest], "adds": pytest.approx(values[heaviest])}
        assert one["neighbours"] == list(row["neighbours"])
        assert one["percentile"] == pytest.approx(100 * (table["nearest"] <= row["similarities"][0]).mean())
    assert (table["rank"] >= 0).sum() == written["explained"] == 2


def test_the_same_again_is_the_same_bytes(coloured: Workspace, tmp_path: Path) -> None:
    folder = coloured.assessment("explanations")
    found = []
    for _ in range(2):
        assessed(coloured, tmp_path)
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]
    assert set(found[0]) == {"report.html", "predictions.parquet", "explanations.json", "about.json"}
