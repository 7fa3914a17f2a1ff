"""How the answers of a model are written down and read. Numpy alone, so that choosing and registering skip torch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from finetrail.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from finetrail.models.placements import Placements
    from finetrail.targets.judge import Judge

    Right = NDArray[np.bool_]

Answers = Any
"""A model's answers to rows, in their order, as a kind of target has them: it has a length and takes a mask of rows."""


class Codec(Protocol):
    """How a model's answers are written down and read, in files and in served answers.

    Attributes:
        outputs: the names of the K outputs of the head, in their order.
    """

    @property
    def outputs(self) -> list[str]: ...

    @property
    def judge(self) -> "Judge":
        """Judges answers of this codec."""
        ...

    @property
    def kinds(self) -> Mapping[str, str]:
        """The columns of a served answer, and their types; see `finetrail.serving.answer_types`."""
        ...

    @property
    def scales(self) -> "tuple[NDArray[np.float64], NDArray[np.float64]] | None":
        """Slopes and shifts (K,) that make outputs those of true probabilities; None where outputs need none."""
        ...

    def described(self) -> dict[str, Any]:
        """What `Target.codec` needs, as JSON: in model.json and details.json."""
        ...

    def unknown(self, labels: Sequence[Any]) -> str:
        """Which of these labels the model does not know, in a few words; empty where it knows all."""
        ...

    def broken(self, answers: Answers) -> "Right":
        """Which answers are NaN or infinite (n,)."""
        ...

    def columns(self, answers: Answers) -> dict[str, Any]:
        """The columns of predictions.parquet, typed, from which `read` gets the same answers."""
        ...

    def read(self, frame: "pd.DataFrame") -> Answers:
        """Answers from a predictions.parquet. Raises: ValueError: it holds none of this codec."""
        ...

    def say(self, answers: Answers) -> dict[str, Any]:
        """The columns of a served answer, those of `kinds`."""
        ...

    def heard(self, said: Mapping[str, Sequence[Any]], known: Answers) -> Answers:
        """Answers that mean what served ones say; what these leave open, such as other scores, is as in `known`.

        Args:
            said: the columns of `say`, as they come out of JSON.

        Raises:
            ValueError: they name what this codec does not know.
        """
        ...

    def confidence(self, answers: Answers) -> "NDArray[np.float64] | None":
        """How sure the model says that it is of each answer (n,), 0..1; None where its answers say nothing of that."""
        ...

    def apart(self, one: Answers, other: Answers) -> "NDArray[np.float64]":
        """How far two answers to a row lie apart (n,); infinite where one cannot be mistaken for the other."""
        ...

    @property
    def differing(self) -> str:
        """What a different answer is, in a few words."""
        ...

    def differ(self, one: Answers, other: Answers, theirs: Any) -> "Right":
        """Which rows two models answer differently (n,). Args: theirs: the codec of the model that said `other`."""
        ...

    def scale(self, answers: Answers) -> float:
        """What to compare `apart` with: 1, or the size of the largest answer."""
        ...

    def shown(self, answers: Answers, row: int) -> str:
        """The answer to a row, for a message."""
        ...

    def refuse_others(self, champion: Any) -> None:
        """Raise RefusedError where a champion knows other labels than this challenger; the message says which."""
        ...

    def aligned(self, answers: Answers, own: Any) -> Answers:
        """Answers of this codec in the form of `own`, which knows the same labels."""
        ...

    def snippet(self, names: str) -> str:
        """Python that prints answers from `logits`, for a model card. Args: names: Python for the outputs' names."""
        ...

    def about(self) -> list[str]:
        """What a model card says of the labels, in sentences of Markdown."""
        ...


@runtime_checkable
class Placing(Protocol):
    """A `Codec` whose answers name places in pixels."""

    def back(self, answers: Answers, moved: "Sequence[Placements]") -> Answers:
        """Answers to changed contents, in the places of the contents as they were. Args: moved: of each answer."""
        ...

    def label(self, answers: Answers, row: int) -> Any:
        """The answer to a row in the form of a label."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """A `Codec` whose answers choose one of K classes for each row."""

    def numbers(self, labels: Sequence[Any]) -> "NDArray[np.int64]":
        """The classes of labels (n,), as places among the outputs."""
        ...

    def chances(self, answers: Answers) -> "NDArray[np.float64]":
        """The probability of each class (n, K)."""
        ...


def refuse_broken(codec: Codec, answers: Answers, whose: str, remedy: str) -> None:
    """Raise ModelError where an answer is NaN or infinite. Args: whose: begins the message."""
    broken = codec.broken(answers)
    if broken.any():
        raise ModelError(
            f"{whose} answers {broken.sum()} of {len(broken)} rows with NaN or infinity, but every answer must be a "
            f"finite number: {remedy}"
        )
