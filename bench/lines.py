"""How to lay the rows of a batch for a causal model: tokens, and CPU seconds of a training step, forward and backward.

    python bench/lines.py gsm8k/train.jsonl                    # batches as training has them: of similar length
    python bench/lines.py gsm8k/train.jsonl --mixed            # batches of any lengths
    python bench/lines.py gsm8k/train.jsonl --chat --mixed     # lengths as of conversations: most short, some long

The model is that of the recipe own-chat, full fine-tuning in bf16, its rows random tokens of the lengths of the file
(`question`, `answer`). All ways take each batch in turn, on one thread, so that other work counts little.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ruamel.yaml import YAML

from finetrail.contents.text.settings import ChatBackbone
from finetrail.contents.text.writing import causal, lines
from finetrail.contents.text.writing.load_causal import load_pretrained
from finetrail.inference.batching import grouped_batches
from finetrail.inference.device import autocast
from finetrail.targets.per_token import token_loss
from finetrail.training.attention import training_attention

RECIPE = Path(__file__).parent.parent / "recipes/own-chat.yaml"
CPU = torch.device("cpu")
ROWS = 2_000


def main() -> None:
    options = _arguments()
    section = YAML(typ="safe").load(RECIPE)["backbone"] | {"max_tokens": 700, "max_answer_tokens": 400}
    loaded = load_pretrained(ChatBackbone.model_validate(section), Path())
    network: Any = loaded.network
    prompts, answers = _lengths(options, loaded.processor)
    sizes, chance = prompts + answers, np.random.default_rng(0)
    batches = [list(part) for part in np.array_split(chance.permutation(len(sizes)), len(sizes) // options.batch)]
    if not options.mixed:
        batches = grouped_batches(sizes.tolist(), options.batch, seed=0)
    seconds: dict[str, list[float]] = {name: [] for name in _ways()}
    for number, batch in enumerate(batches[i] for i in chance.permutation(len(batches))[: options.steps]):
        given = _batch(prompts[batch], answers[batch])
        for name, way in _ways(prompts[batch], answers[batch]).items():
            causal.laid = way  # type: ignore[assignment, attr-defined]
            taken = _step(network, given)
            if number:  # the first step warms up
                seconds[name].append(taken)
    for name, taken_by in seconds.items():
        laid = [_ways(prompts[batch], answers[batch])[name](sizes[batch].tolist()) for batch in batches]
        share = sum(one.count * one.width for one in laid) / sum(sizes)
        print(f"{name:28} {share:.3f} tokens for each real one, {np.mean(taken_by):.2f} s a step")


def _ways(prompts: Any = (0,), answers: Any = (0,)) -> dict[str, Callable[[Sequence[int]], lines.Lines]]:
    """By name, how to lay rows of such lengths."""
    width = int(max(prompts) + max(answers))

    def apart(lengths: Sequence[int]) -> lines.Lines:
        return lines.Lines([row * width for row in range(len(lengths))], len(lengths), width)

    return {"prompts and answers padded": apart, "rows padded": lines.one_each, "in lines": lines.laid}


def _step(network: Any, batch: dict[str, torch.Tensor]) -> float:
    network.train()
    began = time.process_time()
    with training_attention("bf16", CPU):
        with autocast("bf16", CPU):
            outputs = network(batch)
        torch.autograd.backward(token_loss(0.0)(outputs.float(), batch))
    taken = time.process_time() - began
    network.zero_grad()
    return taken


def _batch(prompts: Any, answers: Any) -> dict[str, torch.Tensor]:
    ids, mask = (torch.zeros(len(prompts), max(prompts), dtype=torch.long) for _ in range(2))
    references = torch.full((len(answers), max(answers)), -100)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        ids[row, :prompt] = torch.randint(100, 40_000, (prompt,))
        mask[row, :prompt] = 1
        references[row, :answer] = torch.randint(100, 40_000, (answer,))
    scale = torch.full((len(prompts),), 1 / float(np.mean(answers)))
    given = {"input_ids": ids, "attention_mask": mask, "references": references}
    return given | {"targets": references, "targets_scale": scale}


def _lengths(options: Any, processor: Any) -> tuple[Any, Any]:
    """The tokens of prompts and answers."""
    chance = np.random.default_rng(0)
    if options.chat:
        whole = np.clip(np.exp(chance.normal(np.log(120), 0.8, ROWS)), 16, 700).astype(int)
        prompts = np.maximum(8, (whole * chance.uniform(0.2, 0.8, ROWS)).astype(int))
        return prompts, np.maximum(4, whole - prompts)
    rows = [json.loads(line) for line in options.file.read_text(encoding="utf-8").splitlines()[:ROWS]]
    asked = processor.encode([[{"role": "user", "content": row["question"]}] for row in rows])
    return np.array(list(map(len, asked.tokens))), np.array(
        list(map(len, processor.writing.tokens([row["answer"] for row in rows])))
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--chat", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return options


if __name__ == "__main__":
    main()
