"""A training step of the tasks that write texts or read spans, beside the Trainer's; and what generation costs.

    python bench/writing.py                                   # MiniLM; SmolLM2 under LoRA; three repeats
    python bench/writing.py --tasks question-answering --repeats 1
    python bench/writing.py --sides generation                # an evaluation beside its forward passes

Each side runs in a new process, turn by turn. Both train the library's model on the same tokens, in bfloat16 where the
machine gains by it; ours has an evaluation of one row at the end of an epoch, which is not timed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers.params import section
from peers.steps import Steps
from ruamel.yaml import YAML

from finetrail.tasks.registry import get_task

ROOT = Path(__file__).parents[1]
SIDES = {"ours": "peers.steps_ours", "Trainer": "peers.steps_trainer"}


def question(text: str) -> tuple[Any, Any]:
    """A context, a question, and a word of it as the answer."""
    context = text[:900]
    start = context.rindex(" ", 0, len(context) // 2) + 1
    answer = context[start:].split(maxsplit=1)[0]
    return {"question": text[:60], "context": context}, [{"text": answer, "start": context.index(answer, start)}]


def summary(text: str) -> tuple[Any, Any]:
    """A text and its continuation."""
    return text[:700], text[700:850].strip()


def conversation(text: str) -> tuple[Any, Any]:
    """A turn and its answer."""
    return [{"role": "user", "content": text[:300]}], text[300:600].strip()


ROWS: dict[str, Callable[[str], tuple[Any, Any]]] = {
    "question-answering": question,
    "summarization": summary,
    "text-generation": conversation,
}
RECIPES = {"question-answering": "own-questions", "summarization": "own-summaries", "text-generation": "own-chat"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=[*SIDES, "generation"])
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    long = read_texts(given.rows)
    with tempfile.TemporaryDirectory() as folder:
        for task in given.tasks:
            backbone = YAML(typ="safe").load(ROOT / "recipes" / f"{RECIPES[task]}.yaml")["backbone"] | {"dropout": 0.0}
            file = Path(folder) / f"{task}.json"
            file.write_text(json.dumps([ROWS[task](text) for text in long]), encoding="utf-8")
            steps = Steps(task, backbone, str(file), given.batch_size, 2, lora=task == "text-generation")
            if "generation" in given.sides:
                if task != "question-answering":
                    print(f"{task}: {run('peers.generation', steps)}", flush=True)
                continue
            race(steps, given.sides, given.repeats)


def race(steps: Steps, sides: list[str], repeats: int) -> None:
    """Run the sides in turn, and print medians and ratios."""
    seen: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for repeat in range(repeats):
        for side in sides if repeat % 2 == 0 else reversed(sides):
            seen[side].append(run(SIDES[side], steps))
    for side, runs in seen.items():
        seconds, memory = ([one[of] for one in runs] for of in ("seconds", "memory"))
        ratios = [mine["seconds"] / one["seconds"] for mine, one in zip(seen["ours"], runs, strict=True)]
        print(
            f"{steps.task:<20}{side:<10}{statistics.median(seconds):.3f} s a step ({min(seconds):.3f} to "
            f"{max(seconds):.3f}), {max(memory):.0f} MB; ours / this {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


def run(module: str, steps: Steps) -> Any:
    """Run a side once, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", module]
    done = subprocess.run(command, cwd=Path(__file__).parent, input=steps.json, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{module} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def read_texts(count: int) -> list[str]:
    """The first long texts of the default recipe's source, one line each."""
    source = YAML(typ="safe").load(ROOT / "params.yaml")["source"]
    source.pop("limit")
    rows = section(get_task("text-classification"), "source", source).read(Path())
    texts = (" ".join(str(row.content).split()) for row in rows)
    return [text for text, _ in zip((text for text in texts if len(text) > 900), range(count), strict=False)]


if __name__ == "__main__":
    main()
