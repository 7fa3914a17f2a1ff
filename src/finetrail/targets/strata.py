"""What a label means to the split: what is kept in proportion, and without what nobody could train."""

from collections.abc import Sequence
from typing import Protocol

from finetrail.data.splitting.splits import Division
from finetrail.errors import SplitError
from finetrail.targets.numbers.numbers import bins, to_numbers
from finetrail.workspace import SPLITS

Counts = dict[str, dict[str, int]]


class Strata(Protocol):
    """Of one kind of problem."""

    def of(self, labels: Sequence[str], official: Sequence[str | None], settings: Division) -> list[str]:
        """What `stratified` and `official` keep in proportion, one a row."""
        ...

    def refuse(self, counts: Counts, labels: Sequence[str]) -> None:
        """Raise SplitError where nothing can be learned. Args: counts: of `label_counts`. labels: of the train rows."""
        ...


class Classes:
    """Labels are classes: each is kept in proportion, and each must be learned."""

    def of(self, labels: Sequence[str], official: Sequence[str | None], settings: Division) -> list[str]:
        return list(labels)

    def refuse(self, counts: Counts, labels: Sequence[str]) -> None:
        for label in counts["train"]:
            if not counts["train"][label]:
                of_label = {split: counts[split][label] for split in SPLITS}
                raise SplitError(
                    f"label {label!r} with {sum(of_label.values())} rows is never in train ({inline(of_label)}): it "
                    "cannot be learned; add rows of it, quarantine it as too rare in `validate:`, or use `stratified`"
                )
        learned = [label for label, n in counts["train"].items() if n]
        if len(learned) < 2:
            raise SplitError(
                f"train has {len(learned)} label ({', '.join(map(repr, learned))}): a classifier needs at least 2 "
                "labels"
            )


class Numbers:
    """Labels are numbers: their distribution is kept, by about ten bins of as many rows each."""

    def of(self, labels: Sequence[str], official: Sequence[str | None], settings: Division) -> list[str]:
        values = to_numbers(labels)
        if settings.method == "official":
            divided = [value for value, split in zip(values, official, strict=True) if split != "test"]
            return bins(values, divided or values, settings.val)
        return bins(values, values, min(settings.val, settings.test))

    def refuse(self, counts: Counts, labels: Sequence[str]) -> None:
        values = set(to_numbers(labels))
        if len(values) < 2:
            raise SplitError(
                f"all {len(labels)} rows of train have the label {next(iter(values)):g}: there is nothing to learn; "
                "add rows with other numbers, or use `stratified`"
            )


def inline(counts: dict[str, int]) -> str:
    """Counts by name, in a message."""
    return ", ".join(f"{name} {n}" for name, n in counts.items())
