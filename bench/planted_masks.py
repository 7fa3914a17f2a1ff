"""Wrong masks planted into Penn-Fudan's, and how many of them the ranking of `assess.labels` has near its top.

    python bench/planted_masks.py plant pennfudan.zip data/input/pennfudan.zip    # before `dvc add` and `dvc repro`
    python bench/planted_masks.py count                                           # after `finetrail assess labels`

A planted mask is moved by a quarter of the width, lacks the largest person, or is that of another photo.
"""

import argparse
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

PLANTED = Path("planted.csv")
KINDS = ("moved", "lacks a person", "of another photo")
COUNT = 18
SHARES = (0.1, 0.15, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("plant", "count"))
    parser.add_argument("files", nargs="*", type=Path, help="of `plant`: the zip, and where the changed one goes")
    chosen = parser.parse_args()
    if chosen.what == "plant":
        plant(*chosen.files)
    else:
        count()


def plant(source: Path, to: Path) -> None:
    """Write the zip with wrong masks, and planted.csv with their names and kinds."""
    with zipfile.ZipFile(source) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    masks = sorted(name for name in files if name.startswith("masks/"))
    several = [name for name in masks if read(files[name]).max() > 1]  # else one that lacks its person has none
    chosen = np.random.default_rng(0).choice(several, COUNT, replace=False).tolist()
    wrong = {name: KINDS[place % len(KINDS)] for place, name in enumerate(chosen)}
    for name, kind in wrong.items():
        other = files[masks[masks.index(name) - 1]]
        file = io.BytesIO()
        Image.fromarray(changed(read(files[name]), kind, read(other))).save(file, "PNG")
        files[name] = file.getvalue()
    with zipfile.ZipFile(to, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    pd.DataFrame({"mask": list(wrong), "kind": list(wrong.values())}).to_csv(PLANTED, index=False)


def read(content: bytes) -> np.ndarray:
    """The numbers of the persons (H, W)."""
    return np.asarray(Image.open(io.BytesIO(content)))


def changed(mask: np.ndarray, kind: str, other: np.ndarray) -> np.ndarray:
    """The mask, made wrong."""
    if kind == KINDS[0]:
        moved, by = np.zeros_like(mask), mask.shape[1] // 4
        moved[:, by:] = mask[:, :-by]
        return moved
    if kind == KINDS[1]:
        largest = int(np.bincount(mask.ravel())[1:].argmax()) + 1
        return np.where(mask == largest, 0, mask - (mask > largest)).astype(mask.dtype)
    return np.asarray(Image.fromarray(other).resize(mask.shape[::-1], Image.Resampling.NEAREST))


def count() -> None:
    """Print how many planted masks stand near the top."""
    ranked = pd.read_parquet("data/reports/assess/labels/predictions.parquet", columns=["id", "quality", "flagged"])
    names = pd.read_parquet("data/raw/manifest.parquet", columns=["id", "source"])
    ranked = ranked.merge(names, on="id").sort_values("quality", kind="stable", ignore_index=True)
    planted_in = pd.read_csv(PLANTED)
    stems = {Path(name).stem: kind for name, kind in zip(planted_in["mask"], planted_in["kind"], strict=True)}
    found = ranked["source"].map(lambda one: stems.get(re.findall(r"FudanPed\d+|PennPed\d+", one)[0]))
    planted = found.notna()
    tops = ", ".join(f"{planted[: int(share * len(found))].sum()} in the first {share:.0%}" for share in SHARES)
    print(f"{planted.sum()} of {len(found)} masks of train and val are planted: {tops}")
    print(f"{ranked['flagged'].sum()} count as wrong, {(ranked['flagged'] & planted).sum()} of them planted")
    for kind in KINDS:
        print(f"{kind}: ranks {', '.join(str(place + 1) for place in np.flatnonzero(found == kind))}")


if __name__ == "__main__":
    main()
