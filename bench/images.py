"""Training on images, compared with the usual tutorial loop, transformers' Trainer, and the pieces of timm's script.

    python bench/images.py data/input/cifar10-images.zip                     # a slice, three repeats
    python bench/images.py data/input/cifar10-images.zip --train 50000 --val 10000 --epochs 10 --repeats 1

The plain side uses torchvision's ImageFolder, a DataLoader with two workers, per-image transforms and float32; ours
is what the stage `train` does. Each side runs in a new process each time. All start from the same weights and
have the same batch size, epochs, optimiser, schedule and one evaluation per epoch; decoding counts for all. One-time
measurements of the machine (precision, kernels) run first and do not count.

Where the time goes (2 cores of an AMD EPYC with AVX-512 and bf16 but no AMX, 64 pixels, batches of 64): forward and
backward passes take over 97 % of our epochs; a batch with padded crops and mirrored images takes 2 ms, with
TrivialAugment 12 ms, of some 300. In float32, convolutions take two thirds of MobileNetV2's step, batch norms a fifth.
Channels last saves the reorders, which take half of the plain side's convolution time; an out-of-place ReLU6 saves the
copy that autograd would make (8 %). In bfloat16 the same convolutions need half the time, with two exceptions. The
input gradient of strided depthwise ones takes 65 ms a layer in oneDNN's kernel for this processor, 0.2 to 2 in float32;
and its weight gradient kernel busy-waits, which beside other work turns 6 ms into 500. `training/convolutions.py`
replaces the kernels that a measurement finds slow.
"""

import argparse
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

from peers.params import learn_numbers, save_start
from peers.race import SIDES, TIMM, race, report, run
from peers.setup import Setup

from finetrail.contents.image.settings import ImageBackbone
from finetrail.tasks.registry import get_task

ALL = {**SIDES, **TIMM}
PROBE_EPOCHS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="a zip in the ImageFolder layout with train/ and test/")
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "mobilenet_v2"])
    parser.add_argument("--weights", default="random", help="as backbone.weights in params.yaml")
    parser.add_argument("--methods", nargs="+", default=["full", "linear_probe"], choices=["full", "linear_probe"])
    parser.add_argument("--sides", nargs="+", default=list(ALL), choices=list(ALL), help="ours is needed")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--train", type=int, default=1280, help="images to train on")
    parser.add_argument("--val", type=int, default=320, help="images of test/ to evaluate on after each epoch")
    parser.add_argument("--epochs", type=int, default=2, help=f"of full fine-tuning; the probe has {PROBE_EPOCHS}")
    parser.add_argument("--rate", type=float, default=0.02, help="the learning rate of full fine-tuning")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--score", type=float, help="the accuracy to reach; by default 98 %% of the worst last one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        classes = slice_of(given.archive, Path(folder), {"train": given.train, "test": given.val})
        for name in given.backbones:
            settings = ImageBackbone(name=name, weights=given.weights, image_size=given.size, resize=given.size)
            task = get_task("image-classification")
            backbone = save_start(task, settings, learn_numbers(task, classes), Path(folder))
            for method in given.methods:
                probe = method == "linear_probe"
                setup = Setup(
                    task="image-classification",
                    backbone=backbone,
                    folder=folder,
                    classes=classes,
                    method=method,
                    epochs=PROBE_EPOCHS if probe else given.epochs,
                    batch_size=given.batch_size,
                    rate=0.1 if probe else given.rate,
                    optimizer="sgd",
                    weight_decay=0.0,
                    warmup=0.0,
                    clip=None,
                )
                run(setup, SIDES["ours"])  # one-time measurements of the machine
                runs = race(setup, {side: ALL[side] for side in given.sides}, given.repeats)
                report(f"{name}, {method}, {setup.epochs} epochs", runs, given.train * setup.epochs, given.score)


def slice_of(archive: Path, folder: Path, sizes: dict[str, int]) -> int:
    """Unpack this many images of each split, balanced by class, as train/ and val/; return the number of classes."""
    with zipfile.ZipFile(archive) as opened:
        classes: dict[str, dict[str, list[str]]] = {split: defaultdict(list) for split in sizes}
        for name in sorted(opened.namelist()):
            *_, split, label, file = ("", "", *name.split("/"))
            if file and split in classes:
                classes[split][label].append(name)
        for split, size in sizes.items():
            for label, names in classes[split].items():
                target = folder / ("train" if split == "train" else "val") / label
                target.mkdir(parents=True)
                for name in names[: size // len(classes[split])]:
                    (target / Path(name).name).write_bytes(opened.read(name))
    return len(classes["train"])


if __name__ == "__main__":
    main()
