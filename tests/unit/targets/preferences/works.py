"""A small work with preference pairs, and what transformers alone say of them."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from finetrail.adaptation.methods import Adaptation
from finetrail.contents.text.settings import ComparedBackbone
from finetrail.sections import sections
from finetrail.tasks.registry import get_task
from finetrail.training.candidate import Candidate
from finetrail.training.work import Rows, Work

TASK = get_task("text-generation", "preference")
WORDS = "good bad happy sad great poor fine awful superb weak house river cloud stone table chair".split()


def training(**settings: Any) -> Any:
    """Section `train`."""
    made = sections(TASK).model_fields["train"].annotation
    assert made is not None
    return made(**{"precision": "fp32", "batch_size": 4, "log_every": 1, "checkpoint_seconds": 0.0} | settings)


def conversations(count: int) -> list[list[dict[str, str]]]:
    """Of one question each; every other one begins with a system turn."""
    asked = [{"role": "user", "content": " ".join(WORDS[row % 7 : row % 7 + 2 + row % 3])} for row in range(count)]
    system = {"role": "system", "content": "happy"}
    return [[system, turn] if row % 2 else [turn] for row, turn in enumerate(asked)]


def pairs(count: int) -> list[dict[str, str]]:
    """Answers of several lengths."""
    return [
        {"chosen": " ".join(WORDS[row % 5 : row % 5 + 1 + row % 3]), "rejected": " ".join(WORDS[9 : 10 + row % 4])}
        for row in range(count)
    ]


def small_work(weights: Path, adaptation: Adaptation, *, train: int = 6, val: int = 4, **settings: Any) -> Work:
    """A new model, adapted, with the rows that it reads. Args: weights: of a causal model."""
    torch.manual_seed(5)
    section = training(**settings)
    backbone = ComparedBackbone(weights=str(weights), max_tokens=130, max_answer_tokens=25, dropout=0.0)
    counts = {"train": train, "val": val}
    labels = {split: pairs(count) for split, count in counts.items()}
    learning = TASK.target.learn(labels["train"], section)
    built = TASK.build(backbone, learning, Path(), ("messages",))
    adaptation.apply(built.model)
    encoded = {split: built.processor.encode(conversations(count)) for split, count in counts.items()}
    frames = {
        split: pd.DataFrame({"id": [f"{split}-{row}" for row in range(count)], "label": labels[split], "group": None})
        for split, count in counts.items()
    }
    return Work(
        built,
        Candidate(adaptation=adaptation, backbone=backbone, train=section),
        Rows(frames, labels, ("messages",), learning),
        {split: one.labelled(learning.encode(labels[split], one)) for split, one in encoded.items()},
        labels["train"],
        seed=0,
    )


def log_probabilities(model: Any, tokenizer: Any, count: int) -> Tensor:
    """Of both answers of each pair (N, 2), by transformers alone: row by row, without padding."""
    found = []
    for conversation, pair in zip(conversations(count), pairs(count), strict=True):
        asked = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
        prompt = tokenizer(asked, add_special_tokens=False)["input_ids"]
        sides = []
        for side in ("chosen", "rejected"):
            answer = tokenizer(pair[side] + "</s>", add_special_tokens=False)["input_ids"]
            logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
            logs = logits.log_softmax(-1)
            sides.append(logs[torch.arange(len(answer)), torch.tensor(answer)].sum())
        found.append(torch.stack(sides))
    return torch.stack(found)
