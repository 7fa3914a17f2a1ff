"""How answers to several targets are written down: the outputs of all side by side (n, K), in the order of names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.errors import RefusedError
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.several.parts import Label, known

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.codec import Codec
    from finetrail.targets.several.judge import SeveralJudge
    from finetrail.targets.target import Target

Outputs = NDArray[np.floating[Any]]
"""The answers (n, K)."""


@dataclass(frozen=True)
class SeveralCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        targets: by name.
        parts: the codec of each, in the same order.
    """

    targets: "Mapping[str, Target]"
    parts: "Mapping[str, Codec]"

    @cached_property
    def places(self) -> dict[str, slice]:
        """Which of the outputs are those of each target."""
        ends = np.cumsum([len(part.outputs) for part in self.parts.values()]).tolist()
        return {name: slice(start, end) for name, start, end in zip(self.parts, [0, *ends], ends, strict=False)}

    @property
    def outputs(self) -> list[str]:
        return [f"{name}: {output}" for name, part in self.parts.items() for output in part.outputs]

    @property
    def judge(self) -> "SeveralJudge":
        from finetrail.targets.several.judge import SeveralJudge

        return SeveralJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        return self._by_column(lambda part, of: part.kinds)

    @property
    def scales(self) -> tuple[Floats, Floats] | None:
        found = [part.scales for part in self.parts.values()]
        if all(one is None for one in found):
            return None
        sizes = [len(part.outputs) for part in self.parts.values()]
        full = [(np.ones(size), np.zeros(size)) if one is None else one for one, size in zip(found, sizes, strict=True)]
        return np.concatenate([slopes for slopes, _ in full]), np.concatenate([shifts for _, shifts in full])

    def described(self) -> dict[str, Any]:
        return {"targets": {name: part.described() for name, part in self.parts.items()}}

    def of(self, answers: Outputs, name: str) -> Outputs:
        """The answers to one target."""
        return answers[:, self.places[name]]

    def unknown(self, labels: Sequence[Label]) -> str:
        found = [(name, part.unknown(known(labels, name)[1])) for name, part in self.parts.items()]
        return next((f"{words} of target {name}" for name, words in found if words), "")

    def broken(self, answers: Outputs) -> NDArray[np.bool_]:
        return np.asarray((~np.isfinite(answers)).any(axis=1), dtype=np.bool_)

    def columns(self, answers: Outputs) -> dict[str, Any]:
        return self._by_column(lambda part, of: part.columns(of(answers)))

    def read(self, frame: "pd.DataFrame") -> Outputs:
        found = []
        for name, part in self.parts.items():
            start = f"{name}_"
            columns = [column for column in map(str, frame) if column.startswith(start)]
            try:
                found.append(part.read(frame[columns].set_axis([one.removeprefix(start) for one in columns], axis=1)))
            except ValueError as error:
                raise ValueError(f"target {name}: {error}") from error
        return np.concatenate(found, axis=1)

    def say(self, answers: Outputs) -> dict[str, Any]:
        return self._by_column(lambda part, of: part.say(of(answers)))

    def heard(self, said: Mapping[str, Sequence[Any]], known: Outputs) -> Outputs:
        found = []
        for name, part in self.parts.items():
            start = f"{name}_"
            own = {column.removeprefix(start): values for column, values in said.items() if column.startswith(start)}
            found.append(part.heard(own, self.of(known, name)))
        return np.concatenate(found, axis=1)

    def confidence(self, answers: Outputs) -> Floats | None:
        """The mean over the targets whose answers say how sure the model is."""
        found = [part.confidence(self.of(answers, name)) for name, part in self.parts.items()]
        sure = [one for one in found if one is not None]
        return np.mean(sure, axis=0) if sure else None

    def apart(self, one: Outputs, other: Outputs) -> Floats:
        """The largest distance of any target, as a share of the largest of its answers: targets differ in size."""
        found: Floats = np.zeros(len(one))
        for part, own, theirs in self._pairs(one, other):
            found = np.maximum(found, part.apart(own, theirs) / (part.scale(theirs) or 1.0))
        return found

    @property
    def differing(self) -> str:
        return "; or ".join(f"of {name}, {part.differing}" for name, part in self.parts.items())

    def differ(self, one: Outputs, other: Outputs, theirs: "SeveralCodec") -> NDArray[np.bool_]:
        found = [
            part.differ(self.of(one, name), theirs.of(other, name), theirs.parts[name])
            for name, part in self.parts.items()
        ]
        return np.asarray(np.any(found, axis=0), dtype=np.bool_)

    def scale(self, answers: Outputs) -> float:
        return 1.0  # `apart` gives shares

    def shown(self, answers: Outputs, row: int) -> str:
        return ", ".join(f"{name} {part.shown(self.of(answers, name), row)}" for name, part in self.parts.items())

    def refuse_others(self, champion: Any) -> None:
        if {*self.parts} != {*champion.parts}:
            one, other = (", ".join(sorted(codec.parts)) for codec in (self, champion))
            raise RefusedError(f"their targets differ: the challenger has {one}, the champion {other}")
        for name, part in self.parts.items():
            try:
                part.refuse_others(champion.parts[name])
            except RefusedError as error:
                raise RefusedError(f"target {name}: {error}") from error

    def aligned(self, answers: Outputs, own: "SeveralCodec") -> Outputs:
        found = [part.aligned(self.of(answers, name), own.parts[name]) for name, part in self.parts.items()]
        return np.concatenate(found, axis=1)

    def snippet(self, names: str) -> str:
        return f"print([dict(zip({names}, row)) for row in logits.tolist()])"

    def about(self) -> list[str]:
        return [
            " ".join([f"Target {name} ({self.targets[name].noun}).", *part.about()])
            for name, part in self.parts.items()
        ]

    def _pairs(self, one: Outputs, other: Outputs) -> "Iterator[tuple[Codec, Outputs, Outputs]]":
        for name, part in self.parts.items():
            yield part, self.of(one, name), self.of(other, name)

    def _by_column(
        self, columns: "Callable[[Codec, Callable[[Outputs], Outputs]], Mapping[str, Any]]"
    ) -> dict[str, Any]:
        """Columns of all targets, each after the name of its own.

        Args:
            columns: of one target, given its codec, and what takes its part from the answers.
        """
        found: dict[str, Any] = {}
        for name, part in self.parts.items():
            place = self.places[name]
            of_part = columns(part, lambda answers, place=place: answers[:, place])  # type: ignore[misc]
            found |= {f"{name}_{column}": values for column, values in of_part.items()}
        return found
