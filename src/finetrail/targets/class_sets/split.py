"""What sets of classes mean to the split: each class is kept in proportion, and each must be learned."""

from collections.abc import Sequence

from finetrail.data.splitting.rows import Divide, Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.class_sets.strata import divide
from finetrail.targets.classes.strata import refuse_unlearned


class SetStrata:
    """See `finetrail.data.splitting.settings.Strata`. A row is in as many strata as it has classes."""

    @property
    def divide(self) -> Divide:
        return divide

    def of(
        self, labels: Sequence[Sequence[str]], official: Sequence[str | None], settings: Division
    ) -> list[tuple[str, ...]]:
        return [tuple(label) for label in labels]

    def refuse(self, counts: Counts, labels: Sequence[Sequence[str]]) -> None:
        refuse_unlearned(counts)
        if len({tuple(label) for label in labels}) < 2:
            raise SplitError(
                f"all {len(labels)} rows of train have the same classes ({', '.join(labels[0]) or 'none'}): there is "
                "nothing to learn; add rows with others"
            )
