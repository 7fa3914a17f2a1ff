"""An export is asked what the trained model was asked: the code of its card has to give the same metric."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.contents.exported import Exported
from finetrail.errors import RoundTripError
from finetrail.evaluation.scores.metric import Metric
from finetrail.exports import clean_answers
from finetrail.exports.forms import folded
from finetrail.programs.clean import complaint, run_clean
from finetrail.targets.codec import Codec
from finetrail.targets.same_number import Place, Questions, same_number, told
from finetrail.tasks.task import Built
from finetrail.workspace import read_json, write_json

_REMEDY = "nothing was written: use another --format, or serve the version with `mlflow models serve`"


def compared(built: Built, done: Exported, folder: Path, questions: Questions, metric: Metric) -> str:
    """The metric of an export on validation rows, beside the trained one, in a line.

    The code of its card answers in a clean process, from the files alone: with their weights, preprocessing and names.

    Args:
        folder: of the export.
        questions: validation rows, and what the trained model said to them.

    Returns:
        A line; empty where no row can be compared.

    Raises:
        RoundTripError: the export has another metric or another answer, or its code fails.
    """
    alike = np.array([done.asking.alike(content) for content in questions.contents], dtype=np.bool_)
    if not alike.any():
        return ""
    rows = questions.where(alike)
    said = _answers(built, done, folder, rows)
    found = same_number(rows, metric, said, Place(f"the {done.library} export", _REMEDY))
    return told(metric, len(rows), {"trained": rows.score(metric, rows.answers), done.library: found})


def _answers(built: Built, done: Exported, folder: Path, rows: Questions) -> Any:
    """The answers of the export's code, as the codec has them."""
    asking, code = done.asking, done.asking.code or done.snippet
    with TemporaryDirectory(prefix="finetrail-export-") as temporary:
        asked, answers = Path(temporary) / "asked.json", Path(temporary) / "answers.npz"
        parts = {name: getattr(code, name) for name in ("opens", "given", "answers", "names", "outputs")}
        write_json(asked, {**parts, "examples": asking.lay_out(rows.contents, Path(temporary))})
        _run(folder, asked, answers)
        inputs, names = built.processor.encode(rows.contents), read_json(answers.with_suffix(".json"))
        with np.load(answers, allow_pickle=False) as written:
            outputs = (_in_order(rows.codec, _unscaled(built, written[str(row)]), names) for row in range(len(rows)))
            return built.learning.answers(asking.kept(outputs, inputs), inputs)


def _run(folder: Path, asked: Path, answers: Path) -> None:
    script = Path(clean_answers.__file__)
    done = run_clean(script, [str(folder.resolve()), str(asked), str(answers)], asked.parent)
    if done.returncode != 0:
        raise RoundTripError(f"the code of the export fails ({complaint(done)}); {_REMEDY}")


def _in_order(codec: Codec, outputs: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    """Outputs (..., K) in the order of the codec, by the names that the export gives them."""
    own = codec.outputs
    if not names:
        return outputs
    if sorted(names) != sorted(own):
        raise RoundTripError(f"the export names {len(names)} outputs, which are not those of the model; {_REMEDY}")
    return outputs[..., [names.index(name) for name in own]]


def _unscaled(built: Built, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Outputs (..., K) before the scales of the calibration, which an export has in its head."""
    slopes, shifts = folded(built) or (np.ones(1), np.zeros(1))
    return np.asarray((outputs.astype(np.float64) - shifts) / slopes)
