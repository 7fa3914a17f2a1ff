"""Some examples of a split, as if there were no others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finetrail.models.inputs import Changes, Inputs, Targets
from finetrail.models.network import Batch


@dataclass(frozen=True)
class DrawnTargets:
    """The targets of the drawn examples."""

    whole: Targets
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """See `Targets.batch`."""
        return self.whole.batch([self.places[index] for index in indices], changes)


@dataclass(frozen=True)
class Drawn:
    """See `finetrail.models.inputs.Inputs`. Attributes: places: of the drawn examples among all."""

    whole: Inputs
    places: Sequence[int]

    @staticmethod
    def of_rows(whole: Inputs, rows: Collection[int]) -> "Drawn":
        """The examples that are, or are part of, some rows."""
        wanted = set(rows)
        return Drawn(whole, [place for place, row in enumerate(whole.rows) if row in wanted])

    def __len__(self) -> int:
        return len(self.places)

    @property
    def lengths(self) -> list[int]:
        """The size of each example."""
        lengths = self.whole.lengths
        return [lengths[place] for place in self.places]

    @property
    def rows(self) -> Sequence[int]:
        """The row of each, counted among all rows."""
        rows = self.whole.rows
        return [rows[place] for place in self.places]

    @property
    def varies(self) -> bool:
        """Whether there is augmentation."""
        return self.whole.varies

    @property
    def targets(self) -> Targets | None:
        """Those of the drawn examples."""
        return None if self.whole.targets is None else DrawnTargets(self.whole.targets, self.places)

    def labelled(self, targets: Targets) -> "Drawn":
        """Never: they were drawn with their targets."""
        raise AssertionError("drawn examples are given targets: a bug in finetrail")

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """See `Inputs.batch`."""
        return self.whole.batch([self.places[index] for index in indices], seed)
