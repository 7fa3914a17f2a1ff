"""`dann`: no discriminator can tell labelled from unlabelled features (Ganin et al. 2016)."""

from typing import Any, Literal

from finetrail.auxiliary.auxiliary import Auxiliary


class Dann(Auxiliary):
    """The loss of a discriminator that learns to lower it, while the backbone learns to raise it."""

    method: Literal["dann"]

    def term(self, width: int, outputs: int) -> Any:
        """A new discriminator."""
        from finetrail.auxiliary.terms.dann import DomainAdversary

        return DomainAdversary(width)
