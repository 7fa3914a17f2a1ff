"""The round trip: a model that is about to be registered answers elsewhere as it did in the pipeline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from finetrail.errors import DataError, RoundTripError
from finetrail.evaluation.scores.metric import Metric
from finetrail.inference.questions import read_answers
from finetrail.programs.clean import complaint, run_clean
from finetrail.serving.predictions import read_predictions
from finetrail.targets.agreement import TOLERANCE
from finetrail.targets.codec import Codec
from finetrail.targets.same_number import Place, Questions, refuse_unlike, same_number
from finetrail.workspace import read_json

_TRAIN_AGAIN = "nothing was registered: train and register it again with `dvc repro --force`"
PACKED = Place("the packed model", _TRAIN_AGAIN)
SERVED = Place("what MLflow serves", _TRAIN_AGAIN)
TESTED = Place("the packed model", "nothing was registered: score it again with `dvc repro --force --single-item test`")


@dataclass(frozen=True)
class Said:
    """What a packed model said. Attributes: answers: as the codec reads them; served: by column, over HTTP."""

    answers: Any
    served: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Found:
    """What a round trip found.

    Attributes:
        tested, validated: how many rows were asked.
        apart: how far two answers to a test row lie apart at most.
        scores: the metric on the validation rows, by the place where it was computed.
    """

    tested: int
    validated: int
    apart: float
    scores: Mapping[str, float]


@dataclass(frozen=True)
class RoundTrip:
    """What a packed model is asked.

    Attributes:
        validated: validation rows, and what `train` found them answered with.
        tested: test rows, and what `test` did.
        metric: the one that candidates were chosen by.
    """

    validated: Questions
    tested: Questions
    metric: Metric

    def prove(self, folder: Path) -> Found:
        """Have a packed model answer in a clean, offline process.

        Raises:
            RoundTripError: it does not load there, or its metric or an answer differs from the pipeline's.
        """
        validated, tested = self.ask(folder)
        return self.compare(validated, tested)

    def ask(self, folder: Path) -> list[Said]:
        """What a packed model says to the validation rows, also over HTTP, and to the test rows."""
        val = self.validated
        return ask(folder, val.codec, [val.contents, self.tested.contents], served=len(val))

    def compare(self, validated: Said, tested: Said) -> Found:
        """Compare what was said with what the pipeline said."""
        questions, metric = self.validated, self.metric
        scores = {
            "trained": questions.score(metric, questions.answers),
            "registered": same_number(questions, metric, validated.answers, PACKED),
            "served": same_number(questions, metric, _heard(questions, validated), SERVED),
        }
        _refuse_unmeant(questions, validated)
        apart = refuse_unlike(self.tested, tested.answers, TESTED)
        return Found(len(self.tested), len(questions), apart, scores)


def ask(folder: Path, codec: Codec, contents: Sequence[Sequence[Any]], *, served: int = 0) -> list[Said]:
    """A packed model's answers in a clean, offline process.

    Args:
        codec: reads them.
        contents: of rows, any number of times.
        served: how many of the first ones are sent to MLflow's server too.

    Raises:
        RoundTripError: it gives no answers.
    """
    together = [one for some in contents for one in some]
    rows = pd.DataFrame([one if isinstance(one, dict) else {"content": one} for one in together])
    with TemporaryDirectory(prefix="finetrail-round-trip-") as temporary:
        asked, answers = Path(temporary) / "rows.parquet", Path(temporary) / "answers.parquet"
        rows.to_parquet(asked, index=False)
        _run(folder, [str(asked), str(answers), str(served)], Path(temporary))
        frame, heard = read_predictions(answers), read_json(answers.with_suffix(".json"))
    found, start = [], 0
    for some in contents:
        own = frame.iloc[start : start + len(some)].reset_index(drop=True)
        columns = {name: [row.get(name) for row in heard[start : start + len(some)]] for name in codec.kinds}
        found.append(Said(read_answers(codec, own), columns))
        start += len(some)
    return found


def _heard(questions: Questions, said: Said) -> Any:
    """The answers that served ones mean."""
    missing = [name for name, column in said.served.items() if None in column]
    if missing:
        raise RoundTripError(f"{SERVED.whose} has no column {missing[0]!r} in some answers; {SERVED.remedy}")
    try:
        return questions.codec.heard(said.served, said.answers)
    except (DataError, ValueError) as error:
        raise RoundTripError(f"{SERVED.whose} is no answer of this model: {error}; {SERVED.remedy}") from error


def _refuse_unmeant(questions: Questions, said: Said) -> None:
    """Refuse served answers with another score, or another list or interval, than the model's outputs mean."""
    allowed = TOLERANCE * questions.codec.scale(questions.answers)
    for name, meant in questions.codec.say(said.answers).items():
        for row, (heard, own) in enumerate(zip(said.served[name], meant, strict=True)):
            if not _alike(heard, own, allowed):
                raise RoundTripError(
                    f"{SERVED.whose} says {heard!r} in column {name!r} of row {questions.ids[row]}, but the model's "
                    f"outputs mean {own!r}; nothing was registered: check serving/served.py"
                )


def _alike(served: Any, meant: Any, allowed: float) -> bool:
    """Whether two answers are the same, fractions nearly. Args: served: out of JSON; meant: as the codec has it."""
    if isinstance(served, dict) and isinstance(meant, dict):
        return served.keys() == meant.keys() and all(_alike(served[name], meant[name], allowed) for name in served)
    if isinstance(served, list) and isinstance(meant, list | tuple | np.ndarray):
        return len(served) == len(meant) and all(map(_alike, served, meant, repeat(allowed)))
    if isinstance(served, float) and isinstance(meant, float | np.floating):
        return math.isclose(served, meant, rel_tol=TOLERANCE, abs_tol=allowed)
    return bool(served == meant)


def _run(model: Path, arguments: Sequence[str], folder: Path) -> None:
    script = Path(__file__).with_name("clean_process.py")
    done = run_clean(script, [str(model.resolve()), *arguments], folder)
    if done.returncode != 0:
        raise RoundTripError(
            f"the packed model cannot be used in a clean, offline process ({complaint(done)}); "
            "train and register it again with `dvc repro --force`"
        )
