"""`cdan`: as `dann`, within each class that the model answers (Long et al. 2018)."""

from typing import Any, ClassVar, Literal

from finetrail.auxiliary.auxiliary import Auxiliary


class Cdan(Auxiliary):
    """The loss of a discriminator that reads the product of features and answers."""

    method: Literal["cdan"]

    needs: ClassVar[frozenset[str]] = frozenset({"one class a row"})

    def term(self, width: int, outputs: int) -> Any:
        """A new discriminator."""
        from finetrail.auxiliary.terms.cdan import ConditionalAdversary

        return ConditionalAdversary(width, outputs)
