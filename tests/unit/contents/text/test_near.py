"""Near duplicates: the join finds what comparing every text with every other finds."""

import random
import re
import unicodedata
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finetrail.contents.text.near import Near, Texts, normalise, shingles, similarity, spaced
from finetrail.data.canonical import is_blank

WORDS = [f"w{i}" for i in range(4)]
# Few words and edits of one another: near pairs at every similarity, which random sentences never are.
sentences = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
corpora = st.lists(sentences, max_size=25)
nears = st.builds(Near, st.sampled_from([0.3, 0.5, 0.6, 2 / 3, 0.75, 0.8, 0.9, 1.0]), st.integers(1, 4))


def components(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The same partition by the plainest means: spread the lowest number until nothing changes."""
    number = list(range(count))
    for _ in range(count):
        for a, b in pairs:
            number[a] = number[b] = min(number[a], number[b])
    return number


def near_pairs(texts: list[str], near: Near) -> list[tuple[int, int]]:
    def together(a: str, b: str) -> bool:
        return a == b or (near.threshold < 1 and similarity(a, b, near.shingle_words) >= near.threshold)

    return [(i, j) for i, j in combinations(range(len(texts)), 2) if together(texts[i], texts[j])]


def partition(numbers: list[int]) -> set[frozenset[int]]:
    return {frozenset(i for i, other in enumerate(numbers) if other == number) for number in set(numbers)}


@pytest.mark.slow
@given(corpora, nears)
@settings(max_examples=400, deadline=None)
def test_clusters_are_those_of_comparing_all_pairs(texts: list[str], near: Near) -> None:
    found = Texts(texts, near).clusters().tolist()
    assert partition(found) == partition(components(len(texts), near_pairs(texts, near)))


@given(corpora, nears, st.data())
@settings(max_examples=400, deadline=None)
def test_crossing_finds_a_pair_exactly_when_there_is_one(texts: list[str], near: Near, data: st.DataObject) -> None:
    size = len(texts)
    splits = data.draw(st.lists(st.sampled_from(["train", "test", None]), min_size=size, max_size=size))
    expected = {(i, j) for i, j in near_pairs(texts, near) if splits[i] and splits[j] and splits[i] != splits[j]}
    found = Texts(texts, near).crossing(splits)
    assert (found is not None) == bool(expected)
    if found:
        assert tuple(sorted((found.first, found.second))) in expected
        alike = texts[found.first] == texts[found.second]
        exact = 1.0 if alike else similarity(texts[found.first], texts[found.second], near.shingle_words)
        assert found.similarity == pytest.approx(exact)


@given(st.lists(sentences, min_size=2, max_size=20), nears, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_clusters_do_not_depend_on_the_order(texts: list[str], near: Near, chance: random.Random) -> None:
    order = list(range(len(texts)))
    chance.shuffle(order)
    shuffled = Texts([texts[i] for i in order], near).clusters().tolist()
    back = [shuffled[order.index(i)] for i in range(len(texts))]
    assert partition(back) == partition(Texts(texts, near).clusters().tolist())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello,\n\tWORLD! ", "hello world"),
        ("Straße", "strasse"),
        ("state-of-the-art", "state of the art"),
        ("«Où?» — “ici”…", "où ici"),
        (":-)", ":-)"),
        ("👍", "👍"),
        ("कि", "कि"),  # a vowel sign is no punctuation: without it other words would become the same
        ("", ""),
        (" \n", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text())
def test_white_space_and_case_do_not_matter(text: str) -> None:
    assert (
        normalise(f"\t{text}  \n")
        == normalise(text)
        == normalise(unicodedata.normalize("NFD", text).casefold().replace(" ", "  "))
    )
    assert (normalise(text) == "") == is_blank(text)


# In none of these is a space between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
UNSPACED = (
    "\u4e00-\u9fa5",
    "\u3041-\u3096\u30a1-\u30fa",
    "\u0e01-\u0e2e",
    "\u0e94-\u0e9f",
    "\u1000-\u1021",
    "\u1780-\u17a2",
)


def letters_of(ranges: str) -> str:
    """Args: ranges: as between the brackets of a regular expression."""
    bounds = [(ord(one[0]), ord(one[2])) for one in re.findall(".-.", ranges)]
    return "".join(chr(code) for low, high in bounds for code in range(low, high + 1))


@st.composite
def slightly_changed(draw: st.DrawFn) -> tuple[str, str]:
    """A text that repeats no run of three characters, and a copy with one character in thirty changed."""
    letters = letters_of(draw(st.sampled_from(UNSPACED)))
    chance = draw(st.randoms(use_true_random=False))
    text = "".join(chance.choices(letters, k=draw(st.integers(1, 5)) * 30))
    copy = list(text)
    for part in range(0, len(text), 30):
        place = part + draw(st.integers(0, 29))
        copy[place] = draw(st.sampled_from([one for one in letters if one != text[place]]))
    for one in (text, "".join(copy)):
        assume(len(shingles(one, 3)) == len(text) - 2)
    return text, "".join(copy)


@given(slightly_changed())
def test_without_spaces_a_text_with_one_character_in_thirty_changed_is_near(pair: tuple[str, str]) -> None:
    text, copy = pair
    assert normalise(text) == text
    assert similarity(text, copy, 3) >= 0.8
    numbers = Texts([text, "another text", copy], Near()).clusters().tolist()
    assert numbers[0] == numbers[2] != numbers[1]
    assert Texts([text, copy], Near()).crossing(["train", "test"]) is not None


@given(st.text(st.characters(max_codepoint=0x0DFF) | st.sampled_from("한국어 문장👍")))
def test_where_words_have_spaces_their_shingles_are_as_they_were(text: str) -> None:
    assert spaced(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("味道不错 很好吃", "味 道 不 错 很 好 吃"),
        ("iphone手机2台", "iphone 手 机 2 台"),
        ("カーテンが", "カ ー テ ン が"),
        ("ที่ ดี", " ".join("ที่ดี")),  # marks are characters, too
        ("한국어 문장", "한국어 문장"),
        ("où ici", "où ici"),
        ("味道 \n 不错", "味 道 \n 不 错"),  # the border between two texts of a row
    ],
)
def test_characters_of_scripts_without_spaces_are_words(text: str, expected: str) -> None:
    assert spaced(text) == expected


def test_rows_of_several_scripts_are_near_by_the_script_of_each() -> None:
    chinese, english = (
        "这家店的味道不错而且上菜很快下次还会带着朋友一起来吃晚饭",
        "the food was good and we shall be back with some friends",
    )
    rows = [f"{english} {chinese}", f"{english} {chinese[:-1]}啊", f"{chinese} {english}", chinese, english]
    numbers = Texts(rows, Near()).clusters().tolist()
    assert numbers[0] == numbers[1] == numbers[2]
    assert len(set(numbers)) == 3


def test_shingles_of_a_short_text_are_the_text() -> None:
    assert shingles("one two", 3) == {"one two"}
    assert shingles("one two three four", 3) == {"one two three", "two three four"}
    assert similarity("one two", "one two three", 3) == 0


def test_threshold_is_reached_at_equality() -> None:
    a, b = "a b c d e f g", "a b c d e f"  # 5 and 4 shingles of 3 words, 4 in common
    assert Texts([a, b], Near(0.8)).clusters().tolist() in ([0, 0], [1, 1])
    assert len(set(Texts([a, b], Near(0.81)).clusters().tolist())) == 2


def test_shingle_numbers_do_not_overflow() -> None:
    """Runs of many words over a large vocabulary exceed 64 bits unless they are numbered anew on the way."""
    words = [f"v{i}" for i in range(3000)]
    texts = [" ".join(words[i : i + 300]) for i in range(0, 2700, 10)]
    near = Near(0.9, 8)
    assert similarity(texts[0], texts[1], 8) > 0.9
    assert len(set(Texts(texts, near).clusters().tolist())) == 1
    assert len(set(Texts(texts[::4], near).clusters().tolist())) == len(texts[::4])


@pytest.mark.parametrize(("own_words", "clusters"), [(4, 1), (40, 3000)])
def test_thousands_that_share_one_boilerplate(own_words: int, clusters: int) -> None:
    """Above the threshold they are one cluster, below it none: either way without comparing every pair in Python."""
    boilerplate = " ".join(f"b{i}" for i in range(100))
    texts = [f"{boilerplate} " + " ".join(f"o{row}x{i}" for i in range(own_words)) for row in range(3000)]
    found = Texts(texts, Near())
    numbers = found.clusters().tolist()
    assert len(set(numbers)) == clusters
    assert found.crossing([("train", "test")[number % 2] for number in numbers]) is None


def test_a_stray_between_boilerplate_clusters_is_found() -> None:
    first, second = (" ".join(f"{name}{i}" for i in range(60)) for name in "ab")
    texts = [f"{first} x{i} y{i}" for i in range(300)] + [f"{second} x{i} y{i}" for i in range(300)]
    found = Texts([*texts, f"{first} stray"], Near())
    numbers = found.clusters().tolist()
    assert numbers[600] == numbers[0] != numbers[300]
    crossing = found.crossing(["train"] * 300 + ["val"] * 300 + ["test"])
    assert crossing is not None
    assert 600 in (crossing.first, crossing.second)
