"""What an export answers by the code of its own card; run by its file name, see `finetrail.programs.clean`."""

import contextlib
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

AT_ONCE = 32
"""The most examples that the code is given."""


def main(folder: Path, asked: Path, answers: Path) -> None:
    """Run the card's code in its folder, and write the outputs of each example and their names."""
    work = json.loads(asked.read_text(encoding="utf-8"))
    examples = [tuple(one) if isinstance(one, list) else one for one in work["examples"]]
    os.chdir(folder)
    names: dict[str, Any] = {}
    exec(work["opens"], names)  # noqa: S102  (finetrail wrote it a moment ago, for users to run)
    # As `numpy.savez` writes, but one by one: outputs for images may be as large as these.
    with zipfile.ZipFile(answers, "w") as file:
        for start in range(0, len(examples), AT_ONCE):
            names[work["given"]] = examples[start : start + AT_ONCE]
            with contextlib.redirect_stdout(None):
                exec(work["answers"], names)  # noqa: S102
            for row, output in enumerate(names[work["outputs"]], start):
                with file.open(f"{row}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asarray(output, dtype=np.float32), allow_pickle=False)
    own: Any = eval(work["names"], names) if work["names"] else []  # noqa: S307
    own = [own[number] for number in sorted(own)] if isinstance(own, dict) else list(own)
    answers.with_suffix(".json").write_text(json.dumps(own), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
