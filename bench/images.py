"""Training on pictures against the loop that everybody starts from: images a second, and the accuracy it ends with.

    python bench/images.py data/input/cifar10-images.zip                     # a slice, three runs of each side
    python bench/images.py data/input/cifar10-images.zip --train 50000 --test 10000 --epochs 10 --rounds 1

The plain side is torchvision's ImageFolder, a DataLoader with two workers, transforms picture by picture and float32;
ours is what the stage `train` does. Both start from the same weights and have the same batches' size, epochs,
optimiser, schedule and one evaluation an epoch; decoding counts for both. The sides take turns in one process, so that
a busy moment of the machine falls on both; the last column compares the processors' seconds, which other work hardly
changes. What is measured once a machine (precision, kernels) comes first, apart.

Where the time goes (2 cores of an AMD EPYC with AVX-512 and bf16 but no AMX, 64 pixels, batches of 64): forward and
backward passes take over 97 % of our epochs; a batch with padded crops and mirrored pictures costs 2 ms, with
TrivialAugment 12 ms, of some 300. In float32 convolutions are two thirds of MobileNetV2's step, batch norms a fifth;
channels last saves the reorders that take half of the plain side's convolutions, and a ReLU6 that does not overwrite
its input saves the copy that autograd would make (8 %). In bfloat16 the same convolutions need half, but the gradient
of the input of strided depthwise ones takes 65 ms a layer in oneDNN's kernel for this processor, 0.2 to 2 in float32;
and its kernel for the gradient of the weights waits in a busy loop, which beside other work turns 6 ms into 500.
`training/convolutions.py` replaces what a measurement finds slow.
"""

import argparse
import copy
import os
import statistics
import tempfile
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.curves import Point
from finetrail.models.augmentation import Augment
from finetrail.models.backbone import ImageBackbone
from finetrail.models.classifier import Classifier
from finetrail.models.image_inputs import ImageProcessor
from finetrail.models.inputs import Inputs
from finetrail.models.losses import cross_entropy
from finetrail.models.preprocessing import Preprocessing
from finetrail.models.vision import load_pretrained
from finetrail.training.device import build_accelerator, fix_seeds
from finetrail.training.inference import compute_features, predict
from finetrail.training.loop import Examples, fit
from finetrail.training.precision import choose_precision
from finetrail.training.settings import Training

PADDING = 4


@dataclass(frozen=True)
class Case:
    """What both sides do. Attributes: probe: train the head alone, without augmentation."""

    name: str
    probe: bool
    epochs: int
    rate: float


@dataclass(frozen=True)
class Run:
    """What one side did. Attributes: taken: seconds of the wall clock, and of all processors."""

    taken: np.ndarray
    accuracy: float


def now() -> np.ndarray:
    """Seconds of the wall clock, and of all processors, those of ended workers included."""
    spent = os.times()
    return np.array([spent.elapsed, spent.user + spent.system + spent.children_user + spent.children_system])


def slice_of(archive: Path, folder: Path, sizes: dict[str, int]) -> None:
    """Unpack so many pictures of each split, of all classes alike, in ImageFolder's layout."""
    with zipfile.ZipFile(archive) as opened:
        classes: dict[str, dict[str, list[str]]] = {split: defaultdict(list) for split in sizes}
        for name in sorted(opened.namelist()):
            *_, split, label, file = ("", "", *name.split("/"))
            if file and split in classes:
                classes[split][label].append(name)
        for split, size in sizes.items():
            for label, names in classes[split].items():
                target = folder / split / label
                target.mkdir(parents=True)
                for name in names[: size // len(classes[split])]:
                    (target / Path(name).name).write_bytes(opened.read(name))


def plain(start: Classifier, seen: Preprocessing, folder: Path, case: Case, batch_size: int) -> Run:
    """The usual loop."""
    model = copy.deepcopy(start)
    network, head = cast(nn.Module, model.backbone.network), model.head
    network.to(memory_format=torch.contiguous_format)
    started = now()
    last = [transforms.ToTensor(), transforms.Normalize(seen.mean, seen.std)]
    first = [transforms.Resize(seen.resize), transforms.CenterCrop(seen.image_size)]
    chance = [] if case.probe else [transforms.RandomCrop(seen.image_size, PADDING), transforms.RandomHorizontalFlip()]
    train = ImageFolder(folder / "train", transforms.Compose([*first, *chance, *last]))
    test = ImageFolder(folder / "test", transforms.Compose([*first, *last]))
    loader = DataLoader(train, batch_size, shuffle=True, num_workers=2)
    test_loader = DataLoader(test, batch_size * 2, num_workers=2)
    trained = list(head.parameters()) if case.probe else [*network.parameters(), *head.parameters()]
    if case.probe:
        network.requires_grad_(False)
    optimizer = torch.optim.SGD(trained, lr=case.rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, case.epochs * len(loader))
    accuracy = 0.0
    for _ in range(case.epochs):
        network.train(not case.probe)
        for pixels, targets in loader:
            loss = nn.functional.cross_entropy(head(network(pixels)), targets)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            right = sum(int((head(network(seen)).argmax(1) == wanted).sum()) for seen, wanted in test_loader)
        accuracy = right / len(test)
    return Run(now() - started, accuracy)


def ours(start: Classifier, seen: Preprocessing, folder: Path, case: Case, batch_size: int) -> Run:
    """What the stage `train` does, its last scoring in full precision included."""
    model = copy.deepcopy(start)
    settings = settings_of(case, batch_size)
    scratch = folder.parent / "scratch"
    started = now()
    data = {split: ImageFolder(folder / split) for split in ("train", "test")}
    inputs: dict[str, Inputs] = {
        split: ImageProcessor(seen).encode(
            [Path(path).read_bytes() for path, _ in files.samples],
            augment=settings.augment if split == "train" else None,
            scratch=scratch,
        )
        for split, files in data.items()
    }
    targets = {split: np.array(files.targets, dtype=np.int64) for split, files in data.items()}
    if case.probe:
        LinearProbe(method="linear_probe").apply(model)
    batch = inputs["train"].batch(range(min(batch_size, len(inputs["train"]))))
    accelerator = build_accelerator(choose_precision("auto", model, batch))
    model.to(accelerator.device)
    used = inputs
    if case.probe:
        with accelerator.autocast():
            used = {split: compute_features(model, inputs[split], batch_size * 2) for split in inputs}
    fitted = fit(
        model,
        Examples(used["train"], targets["train"]),
        Examples(used["test"], targets["test"]),
        settings,
        loss=cross_entropy(),
        score=lambda logits, numbers: {"macro_f1": 0.0, "accuracy": accuracy_of(logits, numbers)},
        accelerator=accelerator,
        seed=0,
        checkpoint=scratch / "best.safetensors",
        observe=ignore,
    )
    predict(model, inputs["test"], batch_size * 2)
    return Run(now() - started, fitted.val_curve[-1]["accuracy"])


def settings_of(case: Case, batch_size: int) -> Training:
    augment = Augment() if case.probe else Augment(crop="padded", padding=PADDING, flip=True)
    return Training(
        epochs=case.epochs, batch_size=batch_size, optimizer="sgd", learning_rate=case.rate, schedule="cosine",
        warmup=0.0, weight_decay=0.0, clip=None, metric="accuracy", augment=augment,
    )  # fmt: skip


def accuracy_of(logits: np.ndarray, numbers: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == numbers).mean())


def ignore(curve: str, step: int, point: Point) -> None:
    """Nobody listens to the curves here."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="a zip in the ImageFolder layout with train/ and test/")
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "mobilenet_v2"])
    parser.add_argument("--weights", default="random", help="as backbone.weights in params.yaml")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--train", type=int, default=1280, help="pictures to train on")
    parser.add_argument("--test", type=int, default=320, help="pictures to evaluate on after each epoch")
    parser.add_argument("--epochs", type=int, default=2, help="of full fine-tuning; the probe has 10")
    parser.add_argument("--rate", type=float, default=0.02, help="the learning rate of full fine-tuning")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    cases = [Case("full", False, given.epochs, given.rate), Case("linear probe", True, 10, 0.1)]
    print(
        f"{'':<26}{'plain: images/s':>16}{'accuracy':>10}{'ours: images/s':>16}{'accuracy':>10}{'times':>7}{'CPU':>7}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pictures"
        slice_of(given.archive, folder, {"train": given.train, "test": given.test})
        for backbone in given.backbones:
            settings = ImageBackbone(name=backbone, weights=given.weights, image_size=given.size)
            for case in cases:
                fix_seeds(0)
                network, seen, width = load_pretrained(settings, Path())
                start = Classifier(network, width, 10)
                # So that what is measured once a machine is known before the clock starts.
                ours(start, seen, folder, Case("", case.probe, 1, case.rate), given.batch_size)
                rounds = []
                for number in range(given.rounds):
                    fix_seeds(number)
                    torch.use_deterministic_algorithms(False)
                    usual = plain(start, seen, folder, case, given.batch_size)
                    fix_seeds(number)
                    rounds.append((usual, ours(start, seen, folder, case, given.batch_size)))
                report(f"{backbone}, {case.name}", rounds, given.train * case.epochs)


def report(name: str, rounds: list[tuple[Run, Run]], images: int) -> None:
    usual, own = (statistics.median(images / run.taken[0] for run in side) for side in zip(*rounds, strict=True))
    accuracies = [statistics.mean(run.accuracy for run in side) for side in zip(*rounds, strict=True)]
    times, work = (statistics.median(one.taken[unit] / other.taken[unit] for one, other in rounds) for unit in (0, 1))
    print(
        f"{name:<26}{usual:>16.1f}{accuracies[0]:>10.3f}{own:>16.1f}{accuracies[1]:>10.3f}{times:>7.1f}{work:>7.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
