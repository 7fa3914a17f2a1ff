"""Image models of transformers: features without the classifier, and images as their processors prepare them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrail.adaptation.extra_layers import ExtraLayers
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.errors import ModelError
from finetrail.models.network import Network
from finetrail.models.weights import load_weights, save_tensors
from tests.unit.contents.image.loading import fetch, rebuild, write
from tests.unit.models.backbones import refusal, settings
from tests.unit.models.networks import SIZE, images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT of transformers with a head, for 16 pixels, and how its images are prepared."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    folder = tmp_path_factory.mktemp("vit")
    config = ViTConfig(
        hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=4
    )
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}, image_std=[0.5, 0.25, 0.5]).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet of transformers with a head; its images are resized to 40 and cut to 32."""
    from transformers import BitImageProcessor, ResNetConfig, ResNetForImageClassification

    folder = tmp_path_factory.mktemp("resnet")
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetForImageClassification(config).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_what_is_saved_comes_back_with_its_weights_and_names_no_place(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first = request.getfixturevalue(name)
    written = []
    for number, folder in enumerate((first, shutil.copytree(first, tmp_path / "moved"))):
        backbone, preprocessing, width = fetch(settings("transformers", folder, image_size=SIZE))
        write(backbone, preprocessing, tmp_path / str(number))
        written.append({path.name: path.read_bytes() for path in (tmp_path / str(number)).iterdir()})
    assert written[0] == written[1]
    assert not any(str(tmp_path.parent).encode() in content for content in written[0].values())
    save_tensors(backbone.state_dict(), tmp_path / "model.safetensors")
    again, same, wide = rebuild(tmp_path / "0")
    load_weights(again, tmp_path / "model.safetensors")
    assert (same, wide) == (preprocessing, width)
    batch = images(2).batch([0, 1])
    with torch.no_grad():
        assert torch.equal(again.eval()(batch), backbone.eval()(batch))
    (tmp_path / "0" / "config.json").unlink()
    with pytest.raises(ModelError, match=r"is not a complete model .*; `dvc checkout` restores a tracked model"):
        rebuild(tmp_path / "0")


def test_a_vit_of_transformers(vit: Path) -> None:
    from transformers import ViTForImageClassification

    backbone, preprocessing, width = fetch(settings("transformers", vit))
    assert preprocessing == Preprocessing(16, 16, (0.5,) * 3, (0.5, 0.25, 0.5), "bilinear")
    assert width == 8
    whole = ViTForImageClassification.from_pretrained(vit).eval()
    pixels = images(2, 16).pixels
    with torch.no_grad():
        features = backbone.eval()({"pixels": pixels})
        std = torch.tensor(preprocessing.std).view(3, 1, 1)
        logits = whole(pixel_values=(pixels / 255 - 0.5) / std).logits
        torch.testing.assert_close(whole.classifier(features), logits, rtol=1e-4, atol=1e-5)


def test_a_vit_with_more_blocks_comes_back(vit: Path, tmp_path: Path) -> None:
    backbone, preprocessing, _ = fetch(settings("transformers", vit))
    model = Network(backbone, torch.nn.Linear(8, 2))
    ExtraLayers(method="extra_layers", layers=2).apply(model)
    write(backbone, preprocessing, tmp_path)
    again, _, _ = rebuild(tmp_path)
    again.load_state_dict(backbone.state_dict())
    batch = images(2, 16).batch([0, 1])
    with torch.no_grad():
        assert torch.equal(again.eval()(batch), backbone.eval()(batch))


def test_a_kind_with_two_classifiers_starts_as_the_one_without_a_teacher(tmp_path: Path) -> None:
    backbone, preprocessing, width = fetch(settings("transformers/deit"))
    write(backbone, preprocessing, tmp_path)
    again, _, wide = rebuild(tmp_path)
    kinds = [next(part for part in one.modules() if hasattr(part, "config")) for one in (backbone, again)]
    assert [type(kind).__name__ for kind in kinds] == ["DeiTForImageClassification"] * 2
    with torch.no_grad():
        assert backbone.eval()(images(1, preprocessing.image_size).batch([0])).shape == (1, width) == (1, wide)


def test_a_resnet_of_transformers_and_its_crop(resnet: Path) -> None:
    _, preprocessing, width = fetch(settings("transformers", resnet))
    assert (preprocessing.image_size, preprocessing.resize, preprocessing.interpolation) == (32, 40, "bicubic")
    assert width == 16


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"do_normalize": False}, Preprocessing(16, 16, (0.0,) * 3, (1.0,) * 3, "bilinear")),
        ({"resample": 3}, Preprocessing(16, 16, (0.5,) * 3, (0.5, 0.25, 0.5), "bicubic")),
        # Pixels in -1..1 before they are normalised: (2x - 0.5) / std is (x - 0.25) / (std / 2).
        ({"rescale_factor": 2 / 255}, Preprocessing(16, 16, (0.25,) * 3, (0.25, 0.125, 0.25), "bilinear")),
    ],
)
def test_other_ways_to_prepare_an_image(
    vit: Path, tmp_path: Path, given: dict[str, Any], expected: Preprocessing
) -> None:
    folder = shutil.copytree(vit, tmp_path / "vit")
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | given))
    _, preprocessing, _ = fetch(settings("transformers", folder))
    assert preprocessing == expected


def test_a_folder_that_does_not_say_how_images_are_prepared(vit: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(vit, tmp_path / "vit")
    (folder / "preprocessor_config.json").unlink()
    assert "holds no preprocessor_config.json; set backbone.mean and backbone.std, or" in refusal(
        "transformers", folder
    )
    half = (0.5, 0.5, 0.5)
    given = settings("transformers", folder, mean=half, std=half)
    assert fetch(given)[1] == Preprocessing(16, 16, half, half, "bilinear")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("pickle", "holds no image model with safetensors weights ("),
        ("torn", "holds no image model with safetensors weights ("),
        ("config", "holds no image model with safetensors weights ("),
        (
            "less",
            " lacks 2 tensors that its own configuration needs, such as vit.layers.1.mlp.fc2.bias; name a folder with",
        ),
        ("preprocessor", " has a preprocessor_config.json that cannot be used ("),
    ],
)
def test_a_folder_of_transformers_that_is_not_whole(vit: Path, tmp_path: Path, damage: str, message: str) -> None:
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(vit, tmp_path / "vit"))
    weights = folder / "model.safetensors"
    if damage == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif damage == "torn":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "config":
        (folder / "config.json").unlink()
    elif damage == "less":
        kept = {name: tensor for name, tensor in load_file(weights).items() if "layer.1.output" not in name}
        save_tensors(kept, weights)
    else:
        (folder / "preprocessor_config.json").write_text('{"image_processor_type": "ViTImageProcessor", "size": {}}')
    assert re.search(re.escape(message), refusal("transformers", folder))


def test_stated_means_and_deviations_do_without_a_preprocessor_that_cannot_be_used(vit: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(vit, tmp_path / "vit"))
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "ViTImageProcessor", "size": {}}')
    half = (0.5, 0.5, 0.5)
    assert refusal("transformers", folder).endswith("; set backbone.mean and backbone.std")
    given = settings("transformers", folder, mean=half, std=half)
    assert fetch(given)[1] == Preprocessing(16, 16, half, half, "bilinear")
