"""`prompt_tuning`: embeddings in front of every text train with the head (Lester et al. 2021)."""

from typing import Literal

from finetrail.adaptation.soft_prompt import SoftPrompt


class PromptTuning(SoftPrompt):
    """Train some words that are none: `tokens` embeddings in front of a text."""

    method: Literal["prompt_tuning"]
