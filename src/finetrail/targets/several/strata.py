"""What several targets mean to the split: each is kept in proportion, and each must be learned and judged."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from finetrail.data.splitting.rows import Divide, Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.class_sets.strata import divide
from finetrail.targets.several.parts import Label, known

if TYPE_CHECKING:
    from finetrail.targets.target import Target


class SeveralStrata:
    """See `finetrail.data.splitting.settings.Strata`. A row is in the strata of each target that it has a label of."""

    def __init__(self, targets: "Mapping[str, Target]") -> None:
        self._targets = targets

    @property
    def divide(self) -> Divide:
        return divide

    def of(self, labels: Sequence[Label], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = [() for _ in labels]
        for name, target in self._targets.items():
            places, of_target = known(labels, name)
            strata = target.strata.of(of_target, [official[place] for place in places], settings)
            for place, those in zip(places, strata, strict=True):
                found[place] += tuple(f"{name}: {one}" for one in those)
        return found

    def refuse(self, counts: Counts, labels: Sequence[Label]) -> None:
        used = [split for split, of_split in counts.items() if split != "test" or any(of_split.values())]
        for name, target in self._targets.items():
            _, of_target = known(labels, name)
            start = f"{name}: "
            own = {
                split: {label.removeprefix(start): rows for label, rows in of_split.items() if label.startswith(start)}
                for split, of_split in counts.items()
            }
            lacking = [split for split in used if not sum(own[split].values())]
            if lacking or not of_target:
                raise SplitError(
                    f"{' and '.join(lacking or ['train'])} has no row with a label of target {name!r}: it cannot be "
                    "learned and judged; add rows that have one, use `stratified`, or remove it from task.targets"
                )
            try:
                target.strata.refuse(own, of_target)
            except SplitError as error:
                raise SplitError(f"target {name!r}: {error}") from error
