"""`prefix_tuning`: keys and values that every layer attends to train with the head (Li & Liang 2021)."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.classifier import Classifier


class PrefixTuning(Settings):
    """Train what each layer finds in front of a text. The saved model holds it beside the encoder, whose weights stay.

    It wants a higher learning rate than weights do, such as 1e-2.

    Attributes:
        tokens: how many keys and values a layer gets; they count as tokens of a text.
    """

    method: Literal["prefix_tuning"]
    tokens: int = Field(20, ge=1)
    texts_only: ClassVar[bool] = True

    def apply(self, model: "Classifier") -> None:
        """Freeze the backbone and give its encoder the vectors.

        Raises:
            ConfigError: the backbone is not for texts, its encoder takes no such vectors, or there is no place for
                them beside the longest texts.
        """
        from finetrail.models.soft_prompts import add_soft_prompt

        model.backbone.requires_grad_(False)
        add_soft_prompt(model.backbone, self.method, self.tokens).initialise()

    def start_epoch(self, model: "Classifier", epoch: int) -> None:
        """Every epoch trains the same."""

    def merge(self, model: "Classifier") -> None:
        """Nothing can be merged: the vectors are saved with the model."""
