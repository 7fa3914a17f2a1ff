"""The likeliest spans of a context, from the logits of where an answer begins and where it ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.spans.settings import MOST

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Candidates:
    """The likeliest spans of a row, best first.

    Attributes:
        spans: (start, end) in characters of the context (n, 2).
        scores: the logit of the start plus that of the end (n,).
        no_answer: the same of the token that stands for no answer, the least over the windows; NaN where a logit is
            not finite.
        windows: how many the row was read in.
    """

    spans: Ints
    scores: Logits
    no_answer: float
    windows: int


def candidates(windows: Iterable[tuple[Logits, NDArray[np.int32]]], longest: int, most: int = MOST) -> Candidates:
    """The likeliest spans over all windows of a row; one that several windows show has its highest score.

    Args:
        windows: logits (W, 2) of start and end, and the places (W, 2) of the pieces in the context; the first of each
            stands for no answer.
        longest: the most pieces of a span.
    """
    best: dict[tuple[int, int], float] = {}
    nothing, count = np.float32(np.inf), 0
    for logits, offsets in windows:
        count += 1
        finite = bool(np.isfinite(logits).all())
        nothing = min(nothing, logits[0].sum()) if finite and not np.isnan(nothing) else np.float32(np.nan)
        own, pieces = _distinct(logits[1:], offsets[1:])
        firsts, lasts, scores = _of_window(own, longest, most) if finite else ((), (), ())
        places = zip(pieces[list(firsts), 0].tolist(), pieces[list(lasts), 1].tolist(), strict=True)
        for place, score in zip(places, scores, strict=True):
            best[place] = max(best.get(place, -np.inf), float(score))
    found = sorted(best.items(), key=lambda one: (-one[1], one[0]))[:most]
    spans = np.array([place for place, _ in found], dtype=np.int64).reshape(-1, 2)
    return Candidates(spans, np.array([score for _, score in found], dtype=np.float32), float(nothing), count)


def _distinct(logits: Logits, offsets: NDArray[np.int32]) -> tuple[Logits, NDArray[np.int32]]:
    """Pieces of which no two stand at one place, as bytes of a character do: of those the highest logits count."""
    if not len(offsets):
        return logits, offsets
    firsts = np.flatnonzero(np.concatenate([[True], (offsets[1:] != offsets[:-1]).any(axis=1)]))
    return np.maximum.reduceat(logits, firsts), offsets[firsts]


def _of_window(logits: Logits, longest: int, most: int) -> tuple[Sequence[int], Sequence[int], Sequence[float]]:
    """First and last piece and score of the best spans of a window. Args: logits: of its pieces (P, 2), finite."""
    if not len(logits):
        return (), (), ()
    longest = min(longest, len(logits))
    ends = np.concatenate([logits[:, 1], np.full(longest - 1, -np.inf, dtype=np.float32)])
    sums = (logits[:, :1] + sliding_window_view(ends, longest)).reshape(-1)  # (P * longest,): by start, then length
    most = min(most, len(sums))
    least = np.partition(sums, len(sums) - most)[len(sums) - most]
    chosen = np.flatnonzero((sums >= least) & np.isfinite(sums))
    chosen = chosen[np.argsort(-sums[chosen], kind="stable")][:most]
    firsts, more = np.divmod(chosen, longest)
    return firsts.tolist(), (firsts + more).tolist(), sums[chosen].tolist()
