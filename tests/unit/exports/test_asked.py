"""An export gives the trained metric by the code of its own card, or is refused by that metric."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetrail.contents.exported import Exported
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import RoundTripError
from finetrail.exports.asked import compared
from finetrail.exports.forms import Form, write_form
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.targets.same_number import Questions
from tests.unit.exports.cases import all_cases
from tests.unit.exports.folders import IMAGES, PAIRS, TEXTS, Case, answers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

GOOD: list[tuple[str, Form]] = [
    ("lora", "hf"),
    ("sets", "hf"),
    ("roberta", "hf"),
    ("timm", "hf"),
    ("resnet", "hf"),
    ("pair", "onnx"),
    ("resnet", "onnx"),
]


@pytest.fixture(scope="module")
def cases(
    backbone: TextBackbone, encoder_folder: Path, images: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    found = all_cases(backbone, encoder_folder, images, tmp_path_factory.mktemp("encoders"))
    return {name: _balanced(case, images) for name, case in found.items()}


def _balanced(case: Case, images: Path) -> Case:
    """The same model without a favourite answer; at random it would give all rows the same."""
    head: Any = case.built.model.head
    with torch.no_grad():
        head.bias.sub_(torch.from_numpy(case.said.mean(axis=0)))
    return Case(case.built, answers(case.built, images))


def _asked(case: Case, images: Path) -> Questions:
    """Rows whose labels are what the model answers; numbers are a little off."""
    built, codec = case.built, case.built.codec
    contents: list[Any] = list(TEXTS)
    if built.task.content.name == "image":
        contents = [(images / name).read_bytes() for name in IMAGES]
    elif len(built.columns) > 1:
        contents = [dict(zip(built.columns, pair, strict=True)) for pair in PAIRS]
    said = codec.say(case.said)
    labels = said.get("label") or said.get("labels")
    if labels is None:
        labels = [float(one) + 0.01 * place for place, one in enumerate(said["prediction"])]
    return Questions(codec, [f"row{place}" for place in range(len(contents))], labels, contents, case.said)


def _compared(case: Case, done: Exported, folder: Path, images: Path) -> str:
    return compared(case.built, done, folder, _asked(case, images), case.built.task.target.metrics[-1])


def _export(case: Case, form: Form, folder: Path) -> Exported:
    folder.mkdir()
    return write_form(case.built, form, folder)


@pytest.mark.parametrize(("name", "form"), GOOD)
def test_a_good_export_has_the_trained_metric(
    cases: dict[str, Case], images: Path, tmp_path: Path, name: str, form: Form
) -> None:
    done = _export(cases[name], form, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    line = _compared(cases[name], done, tmp_path / "out", images)
    metric = cases[name].built.task.target.metrics[-1].title
    found = re.fullmatch(rf"{metric} on \d validation rows: trained (\S+), {done.library} (\S+)", line)
    assert found, line
    assert found[1] == found[2]
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def _weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_tensors(file)
    last = [name for name in tensors if name.endswith("weight") and len(tensors[name]) == 3][-1]
    save_tensors({**tensors, last: tensors[last].roll(1, 0).contiguous()}, file, {"format": "pt"})


def _edited(file: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        written = json.loads((folder / file).read_text(encoding="utf-8"))
        (folder / file).write_text(json.dumps(change(written)), encoding="utf-8")

    return edit


def _mean(config: dict[str, Any]) -> dict[str, Any]:
    return config | {"pretrained_cfg": config["pretrained_cfg"] | {"mean": [0.9, 0.1, 0.9], "std": [0.1, 0.9, 0.1]}}


BROKEN: dict[str, tuple[str, Form, Callable[[Path], None]]] = {
    "a tensor turned, texts": ("cls", "hf", _weights),
    "a tensor turned, images": ("timm", "hf", _weights),
    "labels in another order, texts": (
        "cls",
        "hf",
        _edited("config.json", lambda config: config | {"id2label": {"0": "good", "1": "neutral", "2": "bad"}}),
    ),
    "labels in another order, images": (
        "torchvision",
        "hf",
        _edited("labels.json", lambda labels: [*labels[1:], labels[0]]),
    ),
    "labels in another order, onnx": ("mean", "onnx", _edited("labels.json", lambda labels: [*labels[1:], labels[0]])),
    "another preprocessing": ("timm", "hf", _edited("config.json", _mean)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_export_that_is_silently_wrong_is_refused_by_its_metric(
    cases: dict[str, Case], images: Path, tmp_path: Path, name: str
) -> None:
    case, form, spoil = BROKEN[name]
    done = _export(cases[case], form, tmp_path / "out")
    spoil(tmp_path / "out")
    metric = cases[case].built.task.target.metrics[-1].title
    message = (
        rf"^{metric} of the {done.library} export is 0(\.\d+)? on \d validation rows, but [\d.]+ where it was trained:"
        r" \d answers are other ones, by more than \S+; nothing was written: use another --format, or serve the version"
    )
    with pytest.raises(RoundTripError, match=message):
        _compared(cases[case], done, tmp_path / "out", images)


def test_adapters_that_were_not_merged_are_refused_by_the_metric(
    cases: dict[str, Case], images: Path, tmp_path: Path
) -> None:
    """As if the encoder had been written without them."""
    case = cases["lora"]
    done = _export(cases["mean"], "hf", tmp_path / "out")  # the same weights, before the adaptation
    with pytest.raises(RoundTripError, match=r"^macro F1 of the sentence-transformers export is 0(\.\d+)? on 4 valid"):
        _compared(case, done, tmp_path / "out", images)


def test_outputs_without_the_calibration_are_another_answer(
    cases: dict[str, Case], images: Path, tmp_path: Path
) -> None:
    """The classes are the same, their probabilities are not."""
    case = cases["cls"]
    learning: Any = case.built.learning
    plain = replace(learning, codec=replace(learning.codec, temperature=1.0))
    done = _export(replace(case, built=replace(case.built, learning=plain)), "hf", tmp_path / "out")
    with pytest.raises(RoundTripError, match=r"^the transformers export answers row row\d with .* apart, where"):
        _compared(case, done, tmp_path / "out", images)


def test_names_that_are_not_the_models_and_code_that_fails_are_refused(
    cases: dict[str, Case], images: Path, tmp_path: Path
) -> None:
    done = _export(cases["torchvision"], "hf", tmp_path / "out")
    (tmp_path / "out" / "labels.json").write_text('["one", "two", "three"]', encoding="utf-8")
    with pytest.raises(RoundTripError, match=r"^the export names 3 outputs, which are not those of the model; nothing"):
        _compared(cases["torchvision"], done, tmp_path / "out", images)
    (tmp_path / "out" / "model.safetensors").unlink()
    with pytest.raises(RoundTripError, match=r"^the code of the export fails \(.*model.safetensors.*\); no"):
        _compared(cases["torchvision"], done, tmp_path / "out", images)


def test_an_image_that_the_export_cuts_otherwise_is_left_out(cases: dict[str, Case], tmp_path: Path) -> None:
    """Resized to 40, and 43 wide, 11 pixels are cut off: five and six, or six and five."""
    from finetrail.contents.image.export_asked import asked, cuts_as_transformers
    from tests.unit.red_or_blue import RED, image

    own = cases["resnet"].built.processor.preprocessing  # type: ignore[attr-defined]
    alike = asked(own, cuts_as_transformers).alike
    assert [alike(image(RED, size=size)) for size in ((40, 40), (41, 40), (43, 40), (40, 43), (400, 40))] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert asked(own).alike(image(RED, size=(43, 40)))


def test_an_image_with_alpha_is_laid_out_as_training_saw_it(images: Path, tmp_path: Path) -> None:
    import io

    from PIL import Image

    from finetrail.contents.image.decode import decode
    from finetrail.contents.image.export_asked import asked
    from finetrail.contents.image.preprocessing import Preprocessing

    own = Preprocessing(32, 40, (0.5,) * 3, (0.5,) * 3, "bilinear")
    file = io.BytesIO()
    Image.new("RGBA", (4, 4), (200, 0, 0, 100)).save(file, "PNG")
    plain = (images / "turned.jpg").read_bytes()
    paths = asked(own).lay_out([file.getvalue(), plain], tmp_path)
    assert np.array_equal(np.asarray(Image.open(paths[0])), np.asarray(decode(file.getvalue())))
    assert Path(paths[1]).read_bytes() == plain
