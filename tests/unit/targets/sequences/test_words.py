"""The words that metrics count, and the tokenizer that fits a language."""

import pytest

from finetrail.targets.sequences.words import counted_words, tokenizer_for

CHINESE = "我们提出了一种新的方法。它用于句子的翻译。"
JAPANESE = "文を翻訳する新しい方法を提案します。"
THAI = "เราเสนอวิธีใหม่ในการแปลประโยค"


@pytest.mark.parametrize(
    ("text", "tokenizer"),
    [
        ("We propose a new method.", "13a"),
        ("Wir schlagen eine neue Methode vor.", "13a"),
        ("Мы предлагаем новый метод.", "13a"),
        ("우리는 새로운 방법을 제안한다.", "13a"),
        (CHINESE, "zh"),
        (f"{CHINESE} BERT, GPT-2", "zh"),
        (JAPANESE, "char"),
        (THAI, "char"),
        ("", "13a"),
        ("12.5 %", "13a"),
    ],
)
def test_the_tokenizer_goes_by_the_script(text: str, tokenizer: str) -> None:
    assert tokenizer_for([text] * 3) == tokenizer


def test_a_few_foreign_texts_do_not_decide() -> None:
    assert tokenizer_for([CHINESE] * 3000 + [JAPANESE] * 3 + ["English words"] * 200) == "zh"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop_me: 3.5 (twice)!", ["don", "t", "stop", "me", "3", "5", "twice"]),
        ("Ärger in Übersee, naïve", ["ärger", "in", "übersee", "naïve"]),
        ("a\u0308 b", ["ä", "b"]),
        ("翻訳する", ["翻", "訳", "す", "る"]),
        ("ข้าว", ["ข้", "า", "ว"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("🙂 … ---", []),
    ],
)
def test_words_of_any_script_are_counted(text: str, words: list[str]) -> None:
    assert counted_words(text) == words
