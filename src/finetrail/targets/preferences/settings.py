"""What params.yaml may say of preference pairs, beside their rules. Light: the command line reads this first."""

from typing import Literal, Self

from pydantic import Field, model_validator

from finetrail.targets.sequences.settings import SequenceTraining


class PreferenceTraining(SequenceTraining):
    """What section `train` of params.yaml says of preference pairs.

    Attributes:
        loss: `dpo`, direct preference optimization (Rafailov et al. 2023).
        beta: how strongly a model is held to what it was before training; smaller values let it go further.
        metric: the validation metric that picks the best evaluation.
        label_smoothing: the share of pairs that are taken to be the wrong way round (Mitchell 2023).
    """

    loss: Literal["dpo"] = "dpo"  # type: ignore[assignment]
    beta: float = Field(0.1, gt=0)
    metric: Literal[
        "exact_match",
        "rouge1",
        "rouge2",
        "bleu",
        "chrf",
        "rougeL",
        "nearer_chosen",
        "reward_margin",
        "reward_accuracy",
    ] = "reward_accuracy"
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)

    @model_validator(mode="after")
    def _reads_the_model_whole(self) -> Self:
        if getattr(self, "fsdp", False):
            raise ValueError(
                "loss dpo compares with the model before its first step, which fsdp has divided by then; set fsdp to "
                "false"
            )
        return self
