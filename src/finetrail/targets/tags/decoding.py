"""The likeliest legal tags of a text's words (Viterbi 1967, with the transitions that IOB2 allows and no weights)."""

from collections.abc import Sequence

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.tags.schemes import to_spans


def best_path(log_probabilities: Floats, inventory: Sequence[str]) -> list[int]:
    """The legal sequence of tags of highest probability; equal inputs give equal paths.

    Args:
        log_probabilities: of each tag for each word (W, K); a word with NaN was not read and gets O.
        inventory: the K tags, as `finetrail.targets.tags.alignment.inventory` gives them: O first.

    Returns:
        the number of each word's tag (W).
    """
    scores = np.array(log_probabilities, dtype=np.float64)
    scores[np.isnan(scores).any(axis=1)] = [0.0, *[-np.inf] * (len(inventory) - 1)]
    inside, begins = _inside(inventory)
    free = scores.argmax(axis=1)
    if _is_legal(free, inside, begins):
        # The likeliest tag of each word: no path has a higher probability.
        return [int(tag) for tag in free]
    if len(scores):
        scores[0, inside] = -np.inf
    before = np.zeros(scores.shape, dtype=np.int64)
    for word in range(1, len(scores)):
        last = scores[word - 1]
        before[word] = last.argmax()
        # Only its own B- or I- may stand before an I-.
        before[word, inside] = np.where(last[begins] >= last[inside], begins, inside)
        scores[word] += last[before[word]]
    path = [int(scores[-1].argmax())]
    for word in range(len(scores) - 1, 0, -1):
        path.append(int(before[word, path[-1]]))
    return path[::-1]


def span_scores(log_probabilities: Floats, path: Sequence[int], inventory: Sequence[str]) -> list[float]:
    """How sure the model is of each span of a path: the mean probability of its words' tags, in the spans' order.

    Args:
        log_probabilities, inventory: as for `best_path`.
        path: the number of each word's tag (W).
    """
    probabilities = np.exp(log_probabilities[np.arange(len(path)), np.asarray(path, dtype=np.int64)])
    chunks = to_spans([inventory[tag] for tag in path], "iob2")
    return [float(probabilities[first:end].mean()) for first, end, _ in chunks]


def _inside(inventory: Sequence[str]) -> tuple[Ints, Ints]:
    """The numbers of the tags I-, and of the tag B- of each: two (types,)."""
    numbers = {tag: number for number, tag in enumerate(inventory)}
    inside = [tag for tag in inventory if tag.startswith("I-")]
    begins = [numbers["B" + tag[1:]] for tag in inside]
    return np.array([numbers[tag] for tag in inside], dtype=np.int64), np.array(begins, dtype=np.int64)


def _is_legal(path: Ints, inside: Ints, begins: Ints) -> bool:
    begin_of = dict(zip(inside.tolist(), begins.tolist(), strict=True))
    tags = path.tolist()
    return all(tag not in begin_of or last in {tag, begin_of[tag]} for last, tag in zip([0, *tags], tags, strict=False))
