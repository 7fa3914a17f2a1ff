"""`prefix_tuning`: keys and values that every layer attends to train with the head (Li & Liang 2021)."""

from typing import Literal

from finetrail.adaptation.soft_prompt import SoftPrompt


class PrefixTuning(SoftPrompt):
    """Train `tokens` keys and values per layer, in front of every text."""

    method: Literal["prefix_tuning"]
