"""What an export answers by the code of its own card; run by its file name, see `finetrail.programs.clean`."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

AT_ONCE = 32
"""The most examples that the code is given."""


def main(folder: Path, asked: Path, answers: Path) -> None:
    """Run the card's code in its folder, and write the outputs and their names."""
    work = json.loads(asked.read_text(encoding="utf-8"))
    examples = [tuple(one) if isinstance(one, list) else one for one in work["examples"]]
    os.chdir(folder)
    names: dict[str, Any] = {}
    outputs = []
    exec(work["opens"], names)  # noqa: S102  (finetrail wrote it a moment ago, for users to run)
    for start in range(0, len(examples), AT_ONCE):
        names[work["given"]] = examples[start : start + AT_ONCE]
        with contextlib.redirect_stdout(None):
            exec(work["answers"], names)  # noqa: S102
        outputs += [np.asarray(one, dtype=np.float32) for one in names[work["outputs"]]]
    np.save(answers, np.stack(_of_one_length(outputs)), allow_pickle=False)
    own: Any = eval(work["names"], names) if work["names"] else []  # noqa: S307
    own = [own[number] for number in sorted(own)] if isinstance(own, dict) else list(own)
    answers.with_suffix(".json").write_text(json.dumps(own), encoding="utf-8")


def _of_one_length(outputs: list[Any]) -> list[Any]:
    """Outputs of examples (K,), or (T, K) padded to the largest T."""
    if outputs[0].ndim == 1:
        return outputs
    longest = max(len(one) for one in outputs)
    return [np.pad(one, ((0, longest - len(one)), (0, 0))) for one in outputs]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
