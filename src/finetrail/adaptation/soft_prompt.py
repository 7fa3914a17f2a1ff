"""The base of prompt and prefix tuning: vectors in front of every text, saved with the model."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from finetrail.models.network import Network


class SoftPrompt(Method):
    """Train vectors in front of every text, and the head. The saved model holds them beside the unchanged encoder.

    They need a higher learning rate than weights, such as 1e-2.

    Attributes:
        tokens: the number of vectors; they count as tokens of the text.
    """

    method: Literal["prompt_tuning", "prefix_tuning"]
    tokens: int = Field(20, ge=1)

    needs: ClassVar[frozenset[str]] = frozenset({"soft prompts"})

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and give its encoder the vectors.

        Raises:
            ConfigError: the encoder takes no such vectors, or the longest texts leave no room for them.
        """
        backbone: Any = model.backbone
        backbone.requires_grad_(False)
        backbone.add_soft_prompt(self.method, self.tokens).initialise()
