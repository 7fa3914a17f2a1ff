"""Vision backbones: normalisation, preprocessing, sizes, and what is saved coming back without weights or network."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.backbones.torchvision import carry_over, take_off_head
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.errors import ModelError, SourceError
from finetrail.models.weights import load_weights, save_tensors
from tests.unit.contents.image.loading import fetch, rebuild, write
from tests.unit.models.backbones import refusal, settings
from tests.unit.models.networks import SIZE, images, loaded

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(autouse=True)
def _own_randomness() -> Iterator[None]:
    with torch.random.fork_rng():
        yield


class Mean(nn.Module):
    """A network that gives the mean of each channel."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        assert pixels.is_contiguous(memory_format=torch.channels_last)
        assert pixels.dtype == torch.float32
        return pixels.mean((2, 3))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_pixels_are_normalised_on_the_way_in_and_the_batch_stays_as_it_is(dtype: torch.dtype) -> None:
    preprocessing = Preprocessing(8, 8, (0.5, 0.4, 0.3), (0.5, 0.25, 0.1), "bilinear")
    backbone = VisionBackbone(Mean(), "mean", preprocessing)
    pixels = torch.tensor([0, 51, 255]).view(1, 3, 1, 1).expand(2, 3, 8, 8).to(dtype).contiguous()
    before = pixels.clone()
    expected = torch.tensor([(0 - 0.5) / 0.5, (0.2 - 0.4) / 0.25, (1 - 0.3) / 0.1])
    torch.testing.assert_close(backbone({"pixels": pixels}), expected.expand(2, 3))
    assert torch.equal(pixels, before)
    assert backbone.state_dict() == {}  # the normalisation is no weight


@pytest.mark.parametrize(
    ("name", "width", "tensors", "own"),
    [
        ("resnet18", 512, 120, Preprocessing(224, 256, *IMAGENET, "bilinear")),
        ("mobilenet_v2", 1280, 312, Preprocessing(224, 232, *IMAGENET, "bilinear")),
        ("mobilenet_v3_small", 1024, 244 - 2, Preprocessing(224, 256, *IMAGENET, "bilinear")),
        ("efficientnet_b0", 1280, 360 - 2, Preprocessing(224, 256, *IMAGENET, "bicubic")),
        ("timm/tf_efficientnet_lite0", 1280, 294, Preprocessing(224, 256, (0.5,) * 3, (0.5,) * 3, "bicubic")),
        ("timm/test_vit", 64, 78, Preprocessing(160, 168, (0.5,) * 3, (0.5,) * 3, "bicubic")),
    ],
)
def test_a_model_by_name_has_no_head_and_its_own_preprocessing(
    name: str, width: int, tensors: int, own: Preprocessing
) -> None:
    backbone, preprocessing, found = fetch(settings(name))
    assert preprocessing == own
    assert found == width
    assert len(backbone.state_dict()) == tensors
    assert not any(isinstance(module, nn.Linear) and module.out_features == 1000 for module in backbone.modules())
    size = own.image_size
    batch = {"pixels": torch.zeros(2, 3, size, size, dtype=torch.uint8)}
    with torch.no_grad():
        assert backbone.eval()(batch).shape == (2, width)


def test_the_dropout_in_front_of_the_head_is_taken_off_and_the_others_stay() -> None:
    import torchvision

    with torch.device("meta"):
        vgg = torchvision.models.vgg11(weights=None)
    assert take_off_head(vgg, "vgg11") == "classifier.6"
    layers = [type(module).__name__ for module in vgg.classifier]
    assert layers == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Identity", "Identity"]


@pytest.mark.parametrize("name", ["resnet18", "timm/test_vit", "timm/test_efficientnet"])
def test_what_is_saved_comes_back_with_its_weights(name: str, tmp_path: Path) -> None:
    backbone, preprocessing, width = loaded(name)
    write(backbone, preprocessing, tmp_path / "0")
    save_tensors(backbone.state_dict(), tmp_path / "model.safetensors")
    again, same, wide = rebuild(tmp_path / "0")
    load_weights(again, tmp_path / "model.safetensors")
    assert (same, wide) == (preprocessing, width)
    batch = images(2).batch([0, 1])
    with torch.no_grad():
        assert torch.equal(again.eval()(batch), backbone.eval()(batch))


@pytest.mark.parametrize("damage", ["missing", "torn", "other"])
def test_a_saved_backbone_that_is_not_whole_is_refused(tmp_path: Path, damage: str) -> None:
    backbone, preprocessing, _ = loaded("timm/test_vit")
    write(backbone, preprocessing, tmp_path)
    path = tmp_path / "backbone.json"
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_text(path.read_text()[:-30])
    else:
        path.write_text(json.dumps({"name": "timm/test_vit", "preprocessing": {"image_size": 32, "mean": 1, "std": 2}}))
    with pytest.raises(ModelError, match=r"is not a complete model \(.*\); `dvc checkout` restores a tracked model"):
        rebuild(tmp_path)


def test_a_network_that_is_bound_to_a_size_is_set_to_another() -> None:
    backbone, _, width = loaded("timm/test_vit")
    network: Any = backbone.network
    assert (network.pos_embed.shape[1], width) == ((SIZE // 16) ** 2 + 1, 64)


def test_position_embeddings_of_torchvision_are_interpolated() -> None:
    from torchvision.models import VisionTransformer

    small, large = (VisionTransformer(size, 8, 1, 1, 8, 8, num_classes=2) for size in (16, 32))
    nn.init.normal_(large.encoder.pos_embedding)
    carry_over(large, small)
    old, new = large.encoder.pos_embedding[0], small.encoder.pos_embedding[0]
    assert (len(old), len(new)) == (1 + 16, 1 + 4)
    assert torch.equal(new[0], old[0])  # the class token has no place
    mixed = nn.functional.interpolate(
        old[1:].T.reshape(1, 8, 4, 4), size=2, mode="bicubic", align_corners=True
    ).reshape(8, 4)
    torch.testing.assert_close(new[1:], mixed.T)
    assert torch.equal(small.conv_proj.weight, large.conv_proj.weight)


@pytest.mark.parametrize(
    ("name", "weights", "given", "message"),
    [
        ("resnet81", "DEFAULT", {}, "torchvision has no model 'resnet81'; did you mean resnet18 or "),
        ("timm/resnet81", "pretrained", {}, "timm has no model 'resnet81'; did you mean resnet18 or "),
        ("timm/resnet18.nope_in1k", "random", {}, "timm cannot build 'resnet18.nope_in1k' (Invalid pretrained tag (n"),
        ("timm/hf-hub:owner/name", "pretrained", {}, "timm has no model 'hf-hub:owner/name'; "),
        ("transformers/resnetx", "random", {}, "'transformers/resnetx' is not an image model type that can start"),
        ("transformers", "random", {}, "'transformers' is not an image model type that can start with random"),
        ("transformers", "DEFAULT", {}, "backbone 'transformers' with weights 'DEFAULT' names no folder; set name to"),
        ("resnet18", "IMAGENET21K", {}, "'resnet18' has no weights 'IMAGENET21K'; use one of IMAGENET1K_V1, DEFAULT"),
        ("timm/resnet18", "DEFAULT", {}, "'timm/resnet18' has no weights 'DEFAULT'; use `pretrained`, `random`, or"),
        ("inception_v3", "random", {}, "'inception_v3' cannot be a backbone: it returns several outputs during"),
        ("googlenet", "DEFAULT", {}, "'googlenet' cannot be a backbone: it returns several outputs during"),
        ("squeezenet1_1", "random", {}, "'squeezenet1_1' cannot be a backbone: its head is not a linear layer; use"),
        ("mnasnet0_5", "random", {}, "'mnasnet0_5' cannot be a backbone: it cannot be restored from plain tensors"),
        ("vit_b_16", "random", {"image_size": 40}, "'vit_b_16' cannot be built for 40 pixels (Input shape indivisible"),
        ("timm/test_vit", "random", {"image_size": 40}, "'timm/test_vit' "),
        ("densenet121", "random", {"image_size": 16}, "'densenet121' does not accept images of 16 x 16 pixels ("),
    ],
)
def test_what_cannot_be_a_backbone_is_refused_in_one_line(
    name: str, weights: str, given: dict[str, Any], message: str
) -> None:
    assert refusal(name, weights, **given).startswith(message)


@pytest.mark.parametrize("match", ["name", "order"])
def test_weights_out_of_a_file(tmp_path: Path, match: str) -> None:
    import torchvision

    whole = torchvision.models.resnet18(weights=None)
    torch.save({"state_dict": {f"module.{name}": one for name, one in whole.state_dict().items()}}, tmp_path / "a.pt")
    backbone, _, _ = fetch(settings("resnet18", "a.pt", match=match), tmp_path)
    state = backbone.network.state_dict()
    assert len(state) == 120
    assert all(torch.equal(state[name], whole.state_dict()[name]) for name in state)


def test_weights_of_timm_in_the_hubs_form(tmp_path: Path) -> None:
    import timm

    whole = timm.create_model("test_resnet")
    save_tensors(whole.state_dict(), tmp_path / "hub" / "model.safetensors")
    backbone, _, _ = fetch(settings("timm/test_resnet", "hub/model.safetensors"), tmp_path)
    assert torch.equal(backbone.network.state_dict()["conv1.0.weight"], whole.state_dict()["conv1.0.weight"])


@pytest.mark.parametrize("match", ["name", "order"])
def test_weights_of_another_depth_are_refused(tmp_path: Path, match: str) -> None:
    import torchvision

    with torch.no_grad():
        torch.save(torchvision.models.resnet34(weights=None).state_dict(), tmp_path / "resnet34.pt")
    with pytest.raises(ModelError, match=r"'resnet34\.pt' does not fit this backbone: .*; set backbone.name to"):
        fetch(settings("resnet18", "resnet34.pt", match=match), tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("resnet18", "timm/test_resnet", "transformers"):
        with pytest.raises(SourceError, match="'no/such' does not exist"):
            fetch(settings(name, "no/such"), tmp_path)


@pytest.mark.parametrize("name", ["resnet18", "timm/resnet18"])
def test_without_a_network_the_librarys_own_weights_are_an_error_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies at a port where nothing listens stand for a network that is down."""
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights = "pretrained" if name.startswith("timm") else "DEFAULT"
    with pytest.raises(SourceError, match=r"cannot be fetched .*; check .*network, or ") as caught:
        fetch(settings(name, weights))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.pth"))


def test_the_librarys_own_weights_are_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is in torch's cache is used; a file server on this machine stands for the library's."""
    import torchvision

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    whole = torchvision.models.resnet18(weights=None)
    (tmp_path / "checkpoints").mkdir()
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    torch.save(whole.state_dict(), tmp_path / "checkpoints" / url.rpartition("/")[2])
    backbone, preprocessing, _ = fetch(settings("resnet18", "IMAGENET1K_V1"))
    assert torch.equal(backbone.network.state_dict()["conv1.weight"], whole.conv1.weight)
    assert preprocessing == Preprocessing(224, 256, *IMAGENET, "bilinear")
