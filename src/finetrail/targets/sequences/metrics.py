"""BLEU, chrF, ROUGE and exact match: what they count in each row, which adds up, and their values.

BLEU: Papineni et al. (2002); chrF: Popović (2015); both as sacreBLEU counts them (Post, A Call for Clarity in Reporting
BLEU Scores, 2018), divided by 100. ROUGE-1, ROUGE-2, ROUGE-L: Lin (2004), the mean F1 of the rows, on the words of
`finetrail.targets.sequences.words`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from finetrail.data.canonical import canonical
from finetrail.errors import ConfigError
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.sequences.words import counted_words

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

# The columns of the facts of a row.
_BLEU, _CHRF, _MEANS = slice(0, 10), slice(10, 28), slice(28, 32)
_MEAN = ("rouge1", "rouge2", "rougeL", "exact_match")
ROWS = 32
"""The column that counts rows: where facts were added up, means need it."""


def statistics(references: Sequence[str], answers: Sequence[str], tokenizer: str, pattern: str | None = None) -> Floats:
    """What the metrics count in each row (n, 33): sacreBLEU's counts for BLEU and chrF, ROUGE, exact match, and 1.

    Args:
        tokenizer: sacreBLEU's.
        pattern: finds the part of a text that exact match compares; None: it compares whole texts.
    """
    found = np.ones((len(answers), ROWS + 1))
    if len(answers):
        found[:, _BLEU] = _bleu(tokenizer)._extract_corpus_statistics(answers, [references])
        found[:, _CHRF] = _chrf()._extract_corpus_statistics(answers, [references])
        pairs = list(zip(references, answers, strict=True))
        found[:, _MEANS] = [[*rouge(*pair), _matches(*pair, pattern)] for pair in pairs]
    return found


def scores(sums: Floats, tokenizer: str) -> dict[str, Floats]:
    """Every metric (R,), from facts that were added up (R, 33)."""
    rows = sums[:, ROWS]
    means = dict(zip(_MEAN, (sums[:, _MEANS] / rows[:, None]).T, strict=True))
    return {**means, "bleu": _each(_bleu(tokenizer), sums[:, _BLEU]), "chrf": _each(_chrf(), sums[:, _CHRF])}


def of_rows(facts: Floats, metric: str) -> Floats:
    """A metric of each row alone (n,). Args: metric: `chrf`, or one that is a mean over rows."""
    return _each(_chrf(), facts[:, _CHRF]) if metric == "chrf" else facts[:, _MEANS.start + _MEAN.index(metric)]


def signatures(tokenizer: str) -> Mapping[str, str]:
    """How sacreBLEU names what was computed, for BLEU and chrF: equal signatures make scores comparable."""
    found = {"bleu": _bleu(tokenizer), "chrf": _chrf()}
    for metric in found.values():
        metric.corpus_score(["a"], [["a"]])  # it knows the number of references only after a score
    return {name: str(metric.get_signature()) for name, metric in found.items()}


def refuse_missing(tokenizer: str) -> None:
    """Raise ConfigError where sacreBLEU's tokenizer needs packages that are not installed."""
    try:
        _bleu(tokenizer)
    except (ImportError, RuntimeError) as error:
        language = tokenizer.partition("-")[0]
        raise ConfigError(
            f"train.tokenizer is {tokenizer!r}, whose packages are not installed; run `pip install "
            f"'sacrebleu[{language}]'`, or use 'char'"
        ) from error


def _matches(reference: str, answer: str, pattern: str | None) -> bool:
    wanted, found = (_compared(canonical(text), pattern) for text in (reference, answer))
    return wanted is not None and wanted == found


def _compared(text: str, pattern: str | None) -> str | None:
    """The part of a text that exact match compares; None where it has none."""
    if pattern is None:
        return text
    matches = list(re.finditer(pattern, text))
    return matches[-1][1 if matches[-1].re.groups else 0] if matches else None


def rouge(reference: str, answer: str) -> tuple[float, float, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L of a row, as F1."""
    one, other = counted_words(reference), counted_words(answer)
    pairs = [(Counter(_grams(one, n)), Counter(_grams(other, n))) for n in (1, 2)]
    overlaps = [_f1((a & b).total(), a.total(), b.total()) for a, b in pairs]
    return overlaps[0], overlaps[1], _f1(common_length(one, other), len(one), len(other))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence of two lists of words.

    A row of the table of dynamic programming is a number, whose bits are its steps: Hyyrö, Bit-parallel LCS-length
    computation revisited (2004).
    """
    places: defaultdict[str, int] = defaultdict(int)
    for place, word in enumerate(one):
        places[word] |= 1 << place
    row = every = (1 << len(one)) - 1
    for word in other:
        matched = row & places[word]
        row = ((row + matched) | (row - matched)) & every
    return len(one) - row.bit_count()


def _grams(found: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(found[place : place + n]) for place in range(len(found) - n + 1)]


def _f1(common: int, one: int, other: int) -> float:
    return 2 * common / (one + other) if common else 0.0


def _each(metric: "BLEU | CHRF", sums: Floats) -> Floats:
    """SacreBLEU's score of each row of statistics, from 0 to 1."""
    return np.array([metric._compute_score_from_stats(one).score / 100 for one in sums.tolist()])


@cache
def _bleu(tokenizer: str) -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer, force=True)  # `force`: no warning of references that end in " ."


@cache
def _chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
