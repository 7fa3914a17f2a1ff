"""Perturbations of texts: names, and what each does. The functions are imported when one is used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from finetrail.contents.perturbation import Perturbation, check_severity

if TYPE_CHECKING:
    import numpy as np

    Perturb = Callable[[str, int, np.random.Generator], str]

PERTURBATIONS: Mapping[str, Perturbation] = {
    "typos": Perturbation(
        "Keyboard typos", "A letter becomes its neighbour on the keyboard, or two trade places.", True
    ),
    "case": Perturbation("Case", "Words swap upper and lower case.", True),
    "homoglyphs": Perturbation("Homoglyphs", "Letters become others that look the same, in another script.", True),
    "ocr": Perturbation("OCR noise", "Characters become those that a scanner takes them for, such as 0 for O.", True),
    "width": Perturbation("Character width", "Half-width characters become full-width ones, and the reverse.", True),
    "similar_characters": Perturbation(
        "Similar characters", "Chinese and Japanese characters become others that look alike.", True
    ),
    "punctuation": Perturbation("Punctuation", "Punctuation is lost, and stray marks follow words."),
    "drop_words": Perturbation("Dropped words", "Words are left out."),
    "swap_words": Perturbation("Swapped words", "Neighbouring words trade places."),
    "white_space": Perturbation("Added white space", "Spaces fall inside words."),
    "truncation": Perturbation("Truncation", "The end of the text is lost."),
}
_CHARACTERS, _WORDS = (f"finetrail.contents.text.perturbations.{name}" for name in ("characters", "words"))


def perturb(name: str, content: Any, severity: int, seed: int) -> Any:
    """A row's texts, perturbed; each of several.

    Args:
        severity: 1 to 5; 0 for the texts as they are.
        seed: equal seeds give equal texts.
    """
    check_severity(severity)
    if severity == 0:
        return content
    import numpy as np

    module = import_module(_CHARACTERS if PERTURBATIONS[name].in_place else _WORDS)
    function = cast("Perturb", getattr(module, name))
    generator = np.random.default_rng(seed)
    if isinstance(content, str):
        return function(content, severity, generator)
    return {column: function(text, severity, generator) for column, text in content.items()}
