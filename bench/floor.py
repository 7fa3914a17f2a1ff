"""Share of matrix products in a training step, at this machine's own speed: no step can be faster than its products.

    python bench/floor.py                                       # MiniLM, 32 texts of 96 tokens, full fine-tuning
    python bench/floor.py --texts 32 --tokens 40 --method lora
    python bench/floor.py --images 64 --size 64 --backbone resnet18

Records the products (and convolutions) of one step, forward and backward, as PyTorch dispatches them. Runs each alone
on tensors of the same shape and strides, in float32 and in bfloat16; its best time counts as often as the product
occurs. The step is ours: forward, backward, clipping and AdamW, without evaluation. Times are CPU seconds, all threads.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peers.ours import build_adaptation
from peers.params import learn_numbers, section
from ruamel.yaml import YAML
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from finetrail.inference.device import Precision, autocast, build_accelerator, fix_seeds, lay_out
from finetrail.tasks.registry import get_task
from finetrail.training.attention import training_attention
from finetrail.training.convolutions import FastConvolutions

PRODUCTS = {
    "mm",
    "addmm",
    "bmm",
    "baddbmm",
    "convolution",
    "convolution_backward",
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention_for_cpu_backward",
}
ROUNDS = 7


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts dispatched products. Attributes: products: how often each occurs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products: Counter[tuple[Any, tuple[Any, ...], tuple[Any, ...]]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in PRODUCTS:
            described = tuple(_describe(value) for value in args)
            self.products[func, described, tuple(sorted((kwargs or {}).items()))] += 1
        return func(*args, **(kwargs or {}))


def _describe(value: Any) -> Any:
    """Describe a tensor by its shape and strides; lists become tuples."""
    if isinstance(value, Tensor):
        return ("tensor", tuple(value.shape), value.stride(), value.dtype.is_floating_point)
    return tuple(value) if isinstance(value, list) else value


def _make(described: Any, dtype: torch.dtype) -> Any:
    if isinstance(described, tuple) and described and described[0] == "tensor":
        _, shape, strides, floating = described
        made = torch.empty_strided(shape, strides, dtype=dtype if floating else torch.long)
        return made.normal_() if floating else made.zero_()
    return described


def best_time(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def floor(recorder: Recorder, dtype: torch.dtype) -> float:
    """CPU seconds that the recorded products take alone, each at its best time."""
    total = 0.0
    for (func, described, named), count in recorder.products.items():
        arguments, keywords = [_make(value, dtype) for value in described], dict(named)
        total += count * best_time(lambda: func(*arguments, **keywords))  # noqa: B023  (runs immediately)
    return total


def build_step(given: argparse.Namespace, precision: Precision) -> Callable[[], None]:
    """Build our training step on random examples."""
    fix_seeds(0)
    task = get_task("image-classification" if given.images else "text-classification")
    named: dict[str, Any]
    batch: dict[str, Tensor]
    if given.images:
        named = {"name": given.backbone, "weights": "random", "image_size": given.size}
        batch = {"pixels": torch.randint(256, (given.images, 3, given.size, given.size), dtype=torch.uint8)}
    else:
        named = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")["backbone"]
        named |= {"max_tokens": max(given.tokens, 8)}
        ids = torch.randint(1000, 30_000, (given.texts, given.tokens))
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    learning = learn_numbers(task, 20)
    model = task.build(section(task, "backbone", named), learning, Path(), (task.content.name,)).model
    build_adaptation(given.method).apply(model)
    model.train()
    lay_out(model)
    build_accelerator(precision)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    targets = torch.zeros(given.images or given.texts, dtype=torch.long)
    convolutions = FastConvolutions()

    def step() -> None:
        with training_attention(precision, torch.device("cpu")):
            with autocast(precision, torch.device("cpu")), convolutions:
                logits = model(batch)
            torch.autograd.backward(torch.nn.functional.cross_entropy(logits, targets))
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="full", choices=["full", "lora", "linear_probe"])
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--images", type=int, default=0, help="images a batch; 0: texts")
    parser.add_argument("--backbone", default="resnet18", help="of the images")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    given = parser.parse_args()
    print(f"{'':<10}{'step, ms':>10}{'products alone, ms':>20}{'their share':>13}")
    dtypes: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}
    for precision, dtype in dtypes.items():
        step = build_step(given, precision)
        step()
        with Recorder() as recorder:
            step()
        taken, least = best_time(step), floor(recorder, dtype)
        print(f"{precision:<10}{taken * 1e3:>10.0f}{least * 1e3:>20.0f}{least / taken:>13.0%}", flush=True)


if __name__ == "__main__":
    main()
