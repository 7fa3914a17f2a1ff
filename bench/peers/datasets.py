"""The data as the peers read it: texts by the library's tokenizer, images by torchvision's ImageFolder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from peers.setup import PADDING, SPLITS, Setup

Columns = dict[str, Any]


class Rows(Dataset[dict[str, Any]]):
    """Tokenised texts. Args: columns: keyed by the model's argument names."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["labels"])

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: column[index] for name, column in self._columns.items()}


class Images(Dataset[dict[str, Any]]):
    """An ImageFolder: images are decoded and transformed at each access."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pixels, label = self._files[index]
        return {"pixels": pixels, "labels": label}


def prepare(setup: Setup) -> Callable[[bool], list[Any]]:
    """Return a function that reads training and validation data; imports and the tokenizer are loaded beforehand.

    Its argument: whether to pad texts to the maximum length, as in tutorials, or to keep their own length.
    """
    return _prepare_texts(setup) if setup.text else _prepare_images(setup)


def read_rows(setup: Setup) -> dict[str, Columns]:
    """Read the `texts` and `labels` of each split."""
    rows: dict[str, Columns] = json.loads((Path(setup.folder) / "rows.json").read_text(encoding="utf-8"))
    return rows


def load_tokenizer(setup: Setup) -> Any:
    from transformers import AutoTokenizer

    from finetrail.locations import locate

    return AutoTokenizer.from_pretrained(
        locate(setup.backbone["weights"], Path()), local_files_only=True, trust_remote_code=False
    )


def _prepare_texts(setup: Setup) -> Callable[[bool], list[Any]]:
    rows, tokenizer = read_rows(setup), load_tokenizer(setup)

    def read(padded: bool) -> list[Any]:
        how = {"truncation": True, "max_length": setup.backbone["max_tokens"], "return_token_type_ids": False}
        if padded:
            how |= {"padding": "max_length", "return_tensors": "pt"}
        return [
            Rows({**tokenizer(rows[split]["texts"], **how), "labels": torch.tensor(rows[split]["labels"])})
            for split in SPLITS
        ]

    return read


def _prepare_images(setup: Setup) -> Callable[[bool], list[Any]]:
    from torchvision.datasets import ImageFolder

    transforms = image_transforms(setup)

    def read(padded: bool) -> list[Any]:
        return [Images(ImageFolder(Path(setup.folder) / split, transforms[split])) for split in SPLITS]

    return read


def image_transforms(setup: Setup) -> dict[str, Any]:
    """Transforms by split; training images are cropped and mirrored at random, unless the body is frozen."""
    from torchvision import transforms

    size, mean, std = (setup.backbone[name] for name in ("image_size", "mean", "std"))
    last = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    chance: list[Any] = [transforms.RandomCrop(size, PADDING), transforms.RandomHorizontalFlip()]
    varied = [] if setup.method == "linear_probe" else chance
    return {
        "train": transforms.Compose([transforms.Resize(size), *varied, *last]),
        "val": transforms.Compose([transforms.Resize(size), *last]),
    }
