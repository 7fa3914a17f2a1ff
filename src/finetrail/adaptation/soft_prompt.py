"""What prompt and prefix tuning have in common: vectors in front of every text, saved with the model."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.network import Classifier


class SoftPrompt(Settings):
    """Train vectors in front of every text, and the head. The saved model holds them beside the encoder, as it was.

    They want a higher learning rate than weights do, such as 1e-2.

    Attributes:
        tokens: how many; they count as tokens of the text.
    """

    method: Literal["prompt_tuning", "prefix_tuning"]
    tokens: int = Field(20, ge=1)
    texts_only: ClassVar[bool] = True

    def apply(self, model: "Classifier") -> None:
        """Freeze the backbone and give its encoder the vectors.

        Raises:
            ConfigError: the backbone is not for texts, its encoder takes no such vectors, or there is no place for
                them beside the longest texts.
        """
        from finetrail.contents.text.soft_prompts import add_soft_prompt

        model.backbone.requires_grad_(False)
        add_soft_prompt(model.backbone, self.method, self.tokens).initialise()

    def start_epoch(self, model: "Classifier", epoch: int) -> None:
        """Every epoch trains the same."""

    def merge(self, model: "Classifier") -> None:
        """Nothing can be merged: the vectors are saved with the model."""
