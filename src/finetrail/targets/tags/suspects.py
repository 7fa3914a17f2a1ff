"""Spans that are probably wrong: those on words whose tag a model finds improbable."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.suspicion import Suspicion
from finetrail.targets.tags.alignment import Words, encode
from finetrail.targets.tags.codec import TagAnswers, TagCodec, log_softmax
from finetrail.targets.tags.judge import Labels
from finetrail.targets.tags.reading import Label, spans_of
from finetrail.targets.tags.spans import Span


def suspects(codec: TagCodec, labels: Labels, answers: TagAnswers) -> Suspicion:
    """The quality of a row is that of its worst word; a row with a flagged word is flagged."""
    from cleanlab.token_classification.filter import find_label_issues
    from cleanlab.token_classification.rank import get_label_quality_scores

    given = [spans_of(label) for label in labels]
    numbers = [
        [codec.number_of[tag] for tag in encode(spans, words)]
        for spans, words in zip(given, answers.words, strict=True)
    ]
    quality, flagged = np.ones(len(labels)), np.zeros(len(labels), dtype=np.bool_)
    suspicious = [np.zeros(len(one), dtype=np.bool_) for one in numbers]
    worded = [row for row, one in enumerate(numbers) if one]  # cleanlab takes no sentence without words
    if worded:
        tags = [numbers[row] for row in worded]
        certain = [np.exp(log_softmax(answers.logits[row] / codec.temperature)) for row in worded]
        quality[worded], _ = get_label_quality_scores(tags, certain)
        for place, word in find_label_issues(tags, certain, n_jobs=1):
            suspicious[worded[place]][word] = True
            flagged[worded[place]] = True
    mended = [
        _mended(own, said, words, wrong)
        for own, said, words, wrong in zip(given, answers.spans, answers.words, suspicious, strict=True)
    ]
    return Suspicion(
        quality, flagged, [Label(new) if new != own else None for new, own in zip(mended, given, strict=True)]
    )


def _mended(own: list[Span], said: Sequence[Span], words: Words, wrong: NDArray[np.bool_]) -> list[Span]:
    """The label with the model's spans on its suspicious words; elsewhere the model may err as well as a person."""
    places = [word for word, doubtful in zip(words, wrong, strict=True) if doubtful]
    kept = [span for span in own if not _meets(span, places)]
    taken = [(span.start, span.end) for span in kept]
    return sorted([*kept, *(span for span in said if _meets(span, places) and not _meets(span, taken))])


def _meets(span: Span, places: Words) -> bool:
    return any(span.start < end and start < span.end for start, end in places)
