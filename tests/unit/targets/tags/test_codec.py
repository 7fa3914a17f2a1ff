"""What a tagger says: a temperature changes how sure it is of its spans, and never the spans."""

import json
from dataclasses import replace

import numpy as np
import pytest

from finetrail.targets.tags import TAGS
from finetrail.targets.tags.codec import TagCodec

WORDS = [[(0, 2), (3, 5), (6, 8)]] * 20
CODEC = TagCodec(("LOC", "PER"), temperature=2.0)
LOGITS = [
    np.random.default_rng(row).normal(size=(3, len(CODEC.outputs))).astype(np.float32) * 4 for row in range(len(WORDS))
]


def test_scores_follow_the_temperature_and_spans_do_not() -> None:
    cold, warm = replace(CODEC, temperature=1.0).answered(WORDS, LOGITS), CODEC.answered(WORDS, LOGITS)
    assert warm.spans == cold.spans
    pairs = [
        (a, b) for one, other in zip(warm.scores, cold.scores, strict=True) for a, b in zip(one, other, strict=True)
    ]
    assert len(pairs) > 10
    assert np.mean([a for a, _ in pairs]) < np.mean([b for _, b in pairs]) - 0.05


def test_aligned_answers_keep_their_scores() -> None:
    own = TagCodec(("LOC", "PER"), temperature=0.5)
    ours = CODEC.answered(WORDS, LOGITS)
    theirs = own.answered(WORDS, CODEC.aligned(ours, own).logits)
    assert theirs.spans == ours.spans
    for one, other in zip(theirs.scores, ours.scores, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_the_codec_is_known_again_from_what_is_written_of_it() -> None:
    assert TAGS.codec(json.loads(json.dumps(CODEC.described()))) == CODEC
    assert TAGS.codec({"types": ["LOC"], "plain": False}) == TagCodec(("LOC",))
