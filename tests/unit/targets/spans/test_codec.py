"""What a reader says: written down, read back, heard from a server, compared."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.special

from finetrail.targets.spans import SPANS
from finetrail.targets.spans.codec import SpanCodec
from finetrail.targets.spans.decoding import Candidates
from finetrail.targets.spans.options import SpanOptions
from finetrail.targets.spans.settings import MOST
from tests.unit.targets.spans.rows import CONTEXT, answered, likeliest

CODEC = SpanCodec(unanswerable=True, longest_answer=7, threshold=0.5, temperature=2.0)
FOUND = [likeliest(seed, count) for seed, count in zip(range(12), [MOST] * 8 + [1, 2, 3, 0], strict=True)]
ANSWERS = answered(CODEC, FOUND)


def test_the_codec_is_known_again_from_what_is_written_of_it() -> None:
    assert SPANS.codec(json.loads(json.dumps(CODEC.described()))) == CODEC


def test_answers_come_back_from_their_columns() -> None:
    again = CODEC.read(pd.DataFrame(CODEC.columns(ANSWERS)))
    assert CODEC.apart(again, ANSWERS).max() == 0
    assert CODEC.say(again) == CODEC.say(ANSWERS)
    with pytest.raises(ValueError, match="it has no column 'starts'"):
        CODEC.read(pd.DataFrame(CODEC.columns(ANSWERS)).drop(columns="starts"))


def test_a_served_answer_is_the_part_of_the_context_that_it_says() -> None:
    said = CODEC.say(ANSWERS)
    assert list(said) == list(CODEC.kinds)
    for text, start, end, score in zip(*said.values(), strict=True):
        assert CONTEXT[start:end] == text
        assert 0 < score <= 1
    assert "" in said["answer"]
    assert len(set(said["answer"])) > 3


def test_none_is_the_answer_beyond_the_threshold_and_only_where_training_had_such_rows() -> None:
    margins = [one.no_answer - one.scores[0] for one in FOUND if len(one.scores)]
    assert ANSWERS.none.tolist() == [margin > 0.5 for margin in margins] + [True]
    never = answered(replace(CODEC, unanswerable=False), FOUND)
    assert never.none.tolist() == [False] * (len(FOUND) - 1) + [True]


def test_how_sure_it_is_follows_the_temperature_and_answers_do_not() -> None:
    cold = answered(replace(CODEC, temperature=0.5), FOUND)
    assert cold.texts == ANSWERS.texts
    assert cold.sure.mean() > ANSWERS.sure.mean()
    one = FOUND[8]
    odds = np.exp(np.array([one.scores[0], one.no_answer - 0.5], dtype=np.float64) / 2.0)
    assert ANSWERS.sure[8] == pytest.approx(odds.max() / odds.sum())


def test_answers_from_a_server_mean_what_they_say() -> None:
    said = CODEC.say(ANSWERS)
    assert CODEC.apart(CODEC.heard(said, ANSWERS), ANSWERS).max() == 0
    for other in (["two", 4, 7], ["", 0, 0]):
        columns = {name: [value] * len(FOUND) for name, value in zip(("answer", "start", "end"), other, strict=True)}
        heard = CODEC.heard({**said, **columns}, ANSWERS)
        assert CODEC.say(heard)["answer"] == columns["answer"]
    never = replace(CODEC, unanswerable=False)
    always = answered(never, FOUND)
    with pytest.raises(ValueError, match="which this model never does"):
        never.heard({**said, "answer": [""] * len(FOUND)}, always)


def test_the_n_best_answers_begin_with_the_one_that_is_given() -> None:
    asked = SimpleNamespace(asked=[("?", CONTEXT)] * (len(FOUND) - 1))
    for codec in (CODEC, replace(CODEC, unanswerable=False)):
        answers = answered(codec, FOUND[:-1])  # without any span and without none there is no answer
        listed = SpanOptions(n_best=4).more(codec, answers, asked)["n_best"]
        given = zip(answers.texts, answers.places, answers.sure.tolist(), strict=True)
        for (text, place, sure), found, rows in zip(given, answers.found, listed, strict=True):
            first = rows[0]
            assert (first["answer"], (first["start"], first["end"])) == (text, place)
            assert first["score"] == pytest.approx(sure)
            assert [one["score"] for one in rows] == sorted((one["score"] for one in rows), reverse=True)
            assert all(one["answer"] == CONTEXT[one["start"] : one["end"]] for one in rows)
            assert len({one["answer"] for one in rows}) == len(rows) == min(4, len(found.scores) + codec.unanswerable)
            # Whatever is likely is a share of what all may be.
            every = scipy.special.softmax(codec.logits(found) / codec.temperature)
            assert [one["score"] for one in rows] == pytest.approx(np.sort(every)[::-1][: len(rows)])
    assert SpanOptions().added == {}
    twice = Candidates(np.array([[0, 1], [4, 5], [2, 3]]), np.array([3, 2, 1], dtype=np.float32), -9.0, 1)
    named = [(one["answer"], one["start"]) for one in replace(CODEC, unanswerable=False).n_best(twice, "a b a")]
    assert named == [("a", 0), ("b", 2)], "no text is there twice"


def test_a_span_that_one_list_lacks_is_bounded_by_its_lowest_score() -> None:
    full = Candidates(np.array([(n, n + 1) for n in range(MOST)]), np.arange(MOST, 0, -1, dtype=np.float32), 0.0, 1)
    swapped = replace(full, spans=np.concatenate([full.spans[:-1], [(90, 91)]]))
    one, other = (answered(CODEC, [each]) for each in (full, swapped))
    assert CODEC.apart(one, other).tolist() == [0.0], "both scored 1, the lowest"
    better = replace(swapped, scores=np.concatenate([swapped.scores[:-1], [np.float32(1.5)]]))
    assert CODEC.apart(one, answered(CODEC, [better])).tolist() == [0.5]
    short = replace(full, spans=full.spans[:3], scores=full.scores[:3])
    assert CODEC.apart(one, answered(CODEC, [short])).tolist() == [np.inf], "a short list has every span there is"
    assert CODEC.apart(one, answered(CODEC, [replace(full, no_answer=0.25)])).tolist() == [0.25]


def test_answers_that_are_not_finite_are_broken() -> None:
    broken = answered(CODEC, [FOUND[0], replace(FOUND[1], no_answer=float("nan"))])
    assert CODEC.broken(broken).tolist() == [False, True]
    assert np.isnan(CODEC.apart(broken, broken)[1])


def test_some_rows_of_answers() -> None:
    mask = np.arange(len(FOUND)) % 3 == 0
    some = ANSWERS[mask]
    assert len(some) == 4
    assert some.texts == ANSWERS.texts[::3]
    assert some.places == ANSWERS.places[::3]
    assert CODEC.differ(some, ANSWERS[mask], CODEC).tolist() == [False] * 4
    assert CODEC.shown(ANSWERS, int(np.argmax(ANSWERS.none))) == "(no answer)"
