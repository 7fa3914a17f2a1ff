"""What classes mean to the split: each is kept in proportion, and each must be learned."""

from collections.abc import Sequence

from finetrail.data.splitting.report import inline
from finetrail.data.splitting.rows import Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.workspace import SPLITS


class ClassStrata:
    """See `finetrail.data.splitting.settings.Strata`."""

    divide = None

    def of(self, labels: Sequence[str], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        return [(label,) for label in labels]

    def refuse(self, counts: Counts, labels: Sequence[str]) -> None:
        refuse_unlearned(counts)
        learned = [label for label, rows in counts["train"].items() if rows]
        if len(learned) < 2:
            raise SplitError(
                f"train has {len(learned)} label ({', '.join(map(repr, learned))}): a classifier needs at least 2 "
                "labels"
            )


def refuse_unlearned(counts: Counts) -> None:
    """Raise SplitError where a class is never in train."""
    for label in counts["train"]:
        if not counts["train"][label]:
            of_label = {split: counts[split][label] for split in SPLITS}
            raise SplitError(
                f"label {label!r} with {sum(of_label.values())} rows is never in train ({inline(of_label)}): it "
                "cannot be learned; add rows of it, quarantine it as too rare in `validate:`, or use `stratified`"
            )
