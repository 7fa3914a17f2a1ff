"""Fine-tuning on texts, compared with the usual tutorial loop and with transformers' Trainer.

    python bench/text.py                                        # a slice of 20 Newsgroups, MiniLM, three repeats
    python bench/text.py --methods lora linear_probe
    python bench/text.py --data path/to/sst2 --max-tokens 64    # a folder with train.tsv and dev.tsv: text, label

Each side runs in a new process each time. All start from the same weights and have the same examples, batch size,
epochs, AdamW, schedule, rate and clipping, no dropout, and one evaluation per epoch. The clock starts after imports and
the loading of weights, before the first text. Memory is that of the process, without data loader workers. The peers use
the library's own attention (sdpa), unless `--attention eager` gives them ours.

Where the time goes (2 cores of an AMD EPYC with AVX-512 and bf16 but no AMX, MiniLM, full fine-tuning in bfloat16, 32 x
96 tokens; CPU milliseconds a step, 1,550 in all; measured when ours had transformers' eager attention): products of the
linear layers take 1,120, at 350 GFLOP/s against the 380 to 420 that this machine reaches at 2048 x 2048 x 2048;
products of attention 100; together four fifths of the step (`bench/floor.py`). The rest: copies 65 (half of them to put
the heads of a layer side by side, the others casts), GELU 45, gradients of biases 31, softmax 30, norms 30, AdamW 21,
gradient of the word embedding 20, masks for padded texts 25.

What paid off:

- The process keeps freed memory (`inference/allocator.py`): up to 11 % of the CPU seconds of a fine-tuning run, for
  some 3 % more memory. If each batch has texts of another length, glibc adapts by itself and gains almost nothing.
- New tensors are not filled with NaN first (some 2 %).
- Attention by three plain products in training (`training/attention.py`) takes 28 ms a layer, forward and backward;
  PyTorch's fused kernel takes 125, because of its backward pass, though it keeps 100 MB less. (transformers' eager
  attention is as fast, but its mask turns the scores into float32: 100 MB more.)
- Evaluation in bfloat16 takes half the time of float32.

What did not pay off, each measured alone and related to the step: one product for queries, keys and values (the same
time); our own attention that writes the mask and the scale into the first product (1.5 %); other operand layouts (up to
12 % of one product in four, 1 % of the step). Not tried: gradients of biases as products, 2 % at most.
"""

import argparse
import json
import tempfile
from itertools import groupby
from pathlib import Path

import numpy as np
from peers.params import learn_numbers, save_start, section
from peers.race import SIDES, race, report
from peers.setup import Setup
from ruamel.yaml import YAML

from finetrail.tasks.registry import get_task

TASK = get_task("text-classification")
RECIPE = Path(__file__).parents[1] / "params.yaml"
RATES = {"full": 2e-4, "lora": 2e-3, "linear_probe": 1e-2}
PROBE_EPOCHS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with train.tsv and dev.tsv; by default 20 Newsgroups")
    parser.add_argument("--methods", nargs="+", default=["full"], choices=list(RATES))
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--train", type=int, default=480, help="texts to train on")
    parser.add_argument("--val", type=int, default=240, help="texts to evaluate on after each epoch")
    parser.add_argument("--epochs", type=int, default=2, help=f"the linear probe has {PROBE_EPOCHS}")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--attention", choices=["sdpa", "eager"], help="of the peers; by default the library's, sdpa")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--score", type=float, help="the accuracy to reach; by default 98 %% of the worst last one")
    given = parser.parse_args()
    backbone = YAML(typ="safe").load(RECIPE)["backbone"] | {"max_tokens": given.max_tokens}
    with tempfile.TemporaryDirectory() as folder:
        rows = read_tables(given.data) if given.data else read_newsgroups()
        kept = {split: sample(rows[split], getattr(given, split)) for split in ("train", "val")}
        classes = sorted({label for split in kept.values() for _, label in split})
        content = {
            split: {"texts": [text for text, _ in pairs], "labels": [classes.index(label) for _, label in pairs]}
            for split, pairs in kept.items()
        }
        (Path(folder) / "rows.json").write_text(json.dumps(content), encoding="utf-8")
        learning = learn_numbers(TASK, len(classes))
        backbone = save_start(TASK, section(TASK, "backbone", backbone), learning, Path(folder))
        for method in given.methods:
            epochs = PROBE_EPOCHS if method == "linear_probe" else given.epochs
            setup = Setup(
                task="text-classification",
                backbone=backbone,
                folder=folder,
                classes=len(classes),
                method=method,
                epochs=epochs,
                batch_size=given.batch_size,
                rate=RATES[method],
                optimizer="adamw",
                weight_decay=0.01,
                warmup=0.1,
                clip=1.0,
                attention=given.attention,
            )
            runs = race(setup, {side: SIDES[side] for side in given.sides}, given.repeats)
            report(f"{method}, {epochs} epochs", runs, len(kept["train"]) * epochs, given.score)


def read_newsgroups() -> dict[str, list[tuple[str, str]]]:
    """Read the recipe's own source; its official test split serves as validation here."""
    source = YAML(typ="safe").load(RECIPE)["source"]
    source.pop("limit")
    rows: dict[str, list[tuple[str, str]]] = {"train": [], "val": []}
    for split, address in source["splits"].items():
        for row in section(TASK, "source", source | {"splits": {split: address}}).read(Path()):
            rows["train" if split == "train" else "val"].append((str(row.content), str(row.label)))
    return rows


def read_tables(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Read lines of text, tab, label."""
    found = {}
    for split, name in (("train", "train.tsv"), ("val", "dev.tsv")):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        found[split] = [(text, label) for text, _, label in (line.rpartition("\t") for line in lines)]
    return found


def sample(rows: list[tuple[str, str]], size: int) -> list[tuple[str, str]]:
    """Draw this many rows at random with a fixed seed, balanced by class."""
    chance = np.random.default_rng(0)
    order = sorted((rows[index] for index in chance.permutation(len(rows))), key=lambda row: row[1])
    classes = [list(group) for _, group in groupby(order, key=lambda row: row[1])]
    kept = [row for group in classes for row in group[: -(-size // len(classes))]]
    return [kept[index] for index in chance.permutation(len(kept))[:size]]


if __name__ == "__main__":
    main()
