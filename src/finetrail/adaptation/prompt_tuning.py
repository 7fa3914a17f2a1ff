"""`prompt_tuning`: embeddings in front of every text train with the head (Lester et al. 2021)."""

from typing import Literal

from finetrail.adaptation.soft_prompt import SoftPrompt


class PromptTuning(SoftPrompt):
    """Train `tokens` embeddings, like extra words, in front of every text."""

    method: Literal["prompt_tuning"]
