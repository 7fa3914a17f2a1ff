"""`prefix_tuning`: keys and values that every layer attends to train with the head (Li & Liang 2021)."""

from typing import Literal

from finetrail.adaptation.soft_prompt import SoftPrompt


class PrefixTuning(SoftPrompt):
    """Train what each layer finds in front of a text: `tokens` keys and values a layer."""

    method: Literal["prefix_tuning"]
