"""Time and memory of the stages before training, on an archive of images and on several copies of each.

    python bench/ingest.py data/input/cifar10-images.zip            # the archive, and ten times its images
    python bench/ingest.py --different 600000                       # images of noise, no two alike

Each stage runs in its own process, in a temporary workspace; memory is the process's peak. The larger archives repeat
the same images under other names, so `validate` has to find every copy; of different images it puts nothing aside.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
RECIPE = REPOSITORY / "recipes" / "cifar10-mobilenet.yaml"
STAGES = ("ingest", "validate", "split")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, nargs="?", help="a zip in the ImageFolder layout with train/ and test/")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10], help="how often the images are repeated")
    parser.add_argument("--different", type=int, help="so many images of noise, in place of an archive's")
    arguments = parser.parse_args()
    if (arguments.archive is None) == (arguments.different is None):
        parser.error("name an archive, or --different")
    print(f"{'images':>9}  {'stage':<8}  {'seconds':>8}  {'images/s':>10}  {'peak MB':>8}")
    for times in [1] if arguments.different else arguments.times:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            target = root / "data" / "input" / "images.zip"
            target.parent.mkdir(parents=True)
            images = (
                noise(arguments.different, target) if arguments.different else repeat(arguments.archive, target, times)
            )
            yaml = YAML()
            params = yaml.load(RECIPE.read_text(encoding="utf-8"))
            params["source"]["path"] = "data/input/images.zip"
            with (root / "params.yaml").open("w", encoding="utf-8") as file:
                yaml.dump(params, file)
            for stage in STAGES:
                seconds, megabytes = measure(stage, root)
                print(f"{images:>9,}  {stage:<8}  {seconds:>8.1f}  {images / seconds:>10,.0f}  {megabytes:>8,.0f}")


def repeat(archive: Path, target: Path, times: int) -> int:
    """Write an archive with this many copies of each image; return the number of images."""
    if times == 1:
        shutil.copyfile(archive, target)
        with zipfile.ZipFile(target) as whole:
            return len(whole.namelist())
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as repeated:
        names = [name for name in source.namelist() if not name.endswith("/")]
        for name in names:
            content, path = source.read(name), Path(name)
            for copy in range(times):
                repeated.writestr(str(path.with_name(f"{path.stem}-{copy}{path.suffix}")), content)
        return len(names) * times


def noise(count: int, target: Path) -> int:
    """Write an archive of images of noise; every sixth is a test image."""
    chance = np.random.default_rng(0)
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(count):
            image = io.BytesIO()
            Image.fromarray(chance.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(image, "PNG")
            split = "test" if number % 6 == 0 else "train"
            archive.writestr(f"noise/{split}/{number % 10}/{number:07}.png", image.getvalue())
    return count


def measure(stage: str, root: Path) -> tuple[float, float]:
    """Run a stage; return its seconds and its peak memory in MB."""
    finetrail = Path(sys.executable).with_name("finetrail")
    started = time.perf_counter()
    process = subprocess.Popen([finetrail, stage], cwd=root, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"finetrail {stage} failed")
    return seconds, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
