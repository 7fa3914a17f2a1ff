"""Files of tagged sentences: what is read, and the line that is named where one cannot be."""

from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.errors import SourceError
from finetrail.targets.tags.conll import Columns, Record, Sentence, read_columns, read_conllu


def put(root: Path, content: str | bytes) -> Path:
    path = root / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(root: Path, content: str | bytes, token: int = 1, tag: int | None = None) -> list[Record]:
    return list(read_columns(put(root, content), Columns(token, tag)))


def conllu(root: Path, content: str | bytes, column: Literal["upos", "xpos"] = "upos") -> list[Record]:
    return list(read_conllu(put(root, content), column))


def sentence(tokens: str, tags: str, group: str | None = None, space_after: list[bool] | None = None) -> Sentence:
    return {"tokens": tokens.split(), "tags": tags.split(), "group": group, "space_after": space_after}


def ten(number: str, form: str, upos: str = "X", xpos: str = "y", misc: str = "_") -> str:
    return "\t".join([number, form, "_", upos, xpos, "_", "_", "_", "_", misc]) + "\n"


NUMBERED = "# text = Ada wrote\n1\tAda\tB-PER\t-\tann\n2\twrote\tO\t-\tann\n\n"


def test_a_column_that_numbers_the_tokens_is_not_taken_for_them(tmp_path: Path) -> None:
    """As the files of Universal NER have it."""
    with pytest.raises(SourceError, match=r"a\.txt, line 2: column 1 of 5 numbers the tokens .* \{token: 2, tag: 3\}$"):
        columns(tmp_path, NUMBERED)
    with pytest.raises(SourceError, match="line 4: column 1 of 5 numbers the tokens"):
        columns(tmp_path, "1\tHello\tO\t-\tann\n\n" + NUMBERED)
    ((_, told),) = columns(tmp_path, NUMBERED, token=2, tag=3)
    assert told == sentence("Ada wrote", "B-PER O", space_after=[True, True])


def test_numbers_that_are_tokens_are_read(tmp_path: Path) -> None:
    numbers = "1\tB-SCORE\n2\tI-SCORE\n\n"
    assert [one["tokens"] for _, one in columns(tmp_path, numbers)] == [["1", "2"]]
    assert [one["tokens"] for _, one in columns(tmp_path, "a X O\n\n1 X O\n2 X O\n\n")] == [["a"], ["1", "2"]]


def test_columns_of_conll_2003(tmp_path: Path) -> None:
    content = (
        "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n"
        "\n \t\n-DOCSTART- -X- -X- O\nBonn NNP B-NP B-LOC\n"
    )
    assert columns(tmp_path, content) == [
        (3, sentence("EU rejects", "B-ORG O", "doc 1")),
        (6, sentence("Peter", "B-PER", "doc 1")),
        (10, sentence("Bonn", "B-LOC", "doc 2")),
    ]
    assert [tags["tags"] for _, tags in columns(tmp_path, content, tag=3)] == [["B-NP", "B-VP"], ["B-NP"], ["B-NP"]]


def test_a_document_that_begins_without_a_blank_line_ends_the_sentence(tmp_path: Path) -> None:
    found = columns(tmp_path, "a O\n-DOCSTART- O\nb O\n")
    assert found == [(1, sentence("a", "O")), (3, sentence("b", "O", "doc 1"))]


def test_columns_with_comments_numbers_and_more_behind_the_tag(tmp_path: Path) -> None:
    content = (
        "# newdoc id = batch 7\n# sent_id = 1\n# text = 在北京 \uff0c  你好\n1\t在\tO\t-\t-\n2\t北京\tB-LOC\t-\t-\n"
        "3\t\uff0c\tO\t-\t-\n4\t你好\tO\t-\t-\n\n# newdoc\n# text = other\n1\tof\tO\t-\t-\n"
    )
    assert columns(tmp_path, content, token=2, tag=3) == [
        (4, sentence("在 北京 \uff0c 你好", "O B-LOC O O", "batch 7", [False, True, True, True])),
        (11, sentence("of", "O", "doc 2")),  # the text is another one, so it does not say where spaces are
    ]


@pytest.mark.parametrize(
    "comment", ["# id 52-a domain=x", "#\thttp://x.org/a [2009]", "# newpar", "# a b = c", "# x ="]
)
def test_comments_stand_before_a_sentence(tmp_path: Path, comment: str) -> None:
    kept = comment.startswith("# a b")  # no comment that is known: a line with five columns
    if kept:
        with pytest.raises(SourceError, match="line 2: 2 columns, but the lines before have 5"):
            columns(tmp_path, f"{comment}\na O\n")
    else:
        assert columns(tmp_path, f"{comment}\na O\n") == [(2, sentence("a", "O"))]


def test_a_number_sign_may_be_a_token(tmp_path: Path) -> None:
    found = columns(tmp_path, "# # B-NP\n1.8 CD I-NP\n\n#id NN O\n# = O\n")
    assert [one["tokens"] for _, one in found] == [["#", "1.8"], ["#id", "#"]]


def test_other_white_space_is_part_of_a_token(tmp_path: Path) -> None:
    found = columns(tmp_path, "\ufeff10\u00a0000 B-X\r\na\u2028b O\r\n\r\n10 000\tO\n")
    assert [(line, one["tokens"], one["tags"]) for line, one in found] == [
        (1, ["10\u00a0000", "a\u2028b"], ["B-X", "O"]),
        (4, ["10 000"], ["O"]),
    ]


@pytest.mark.parametrize("content", ["", "\n\n", "-DOCSTART- O\n\n", "# text = a\n"])
def test_a_file_without_tokens_has_no_sentence(tmp_path: Path, content: str) -> None:
    assert columns(tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "token", "tag", "message"),
    [
        ("a O\n\nb\n", 1, None, r"^a.txt, line 3: 1 column \('b'\), but the lines before have 2; correct the line"),
        ("alone\n", 1, None, r"line 1: 1 column \('alone'\); a line holds a token and its tag"),
        ("a O\nb X O\n", 1, None, "line 2: 3 columns, but the lines before have 2"),
        ("a O\n", 1, 3, "line 1: 2 columns, but column 3 is asked for; name another column"),
        ("a O\n", 4, None, "line 1: 2 columns, but column 4 is asked for"),
        ("a\tO\nb\t\n", 1, None, r"line 2: the tag \(column 2\) is empty; name another column, or fill it"),
        ("a\tO\n\tO\n", 1, None, r"line 2: the token \(column 1\) is empty"),
        (b"a O\nM\xfcller O\n", 1, None, r"line 2: byte 0xfc at column 2 is not UTF-8; convert the file, .*iconv"),
    ],
)
def test_columns_that_cannot_be_read(tmp_path: Path, content: str | bytes, token: int, tag: int, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        columns(tmp_path, content, token, tag)


def test_conllu(tmp_path: Path) -> None:
    content = (
        "# newdoc id = weblog-1\n# text = He didn't, he's.\n"
        + ten("1", "He", "PRON", "PRP")
        + ten("2-3", "didn't", "_", "_", "Gloss=x|SpaceAfter=No")
        + ten("2", "did", "AUX", "VBD")
        + ten("3", "n't", "PART", "RB")
        + ten("4", ",", "PUNCT", ",")
        + ten("5-6", "he's", "_", "_")
        + ten("5", "he", "PRON", "PRP", "SpaceAfter=No")
        + ten("6", "'s", "AUX", "VBZ")
        + ten("6.1", "gone", "VERB", "VBN")
        + ten("7", ".", "PUNCT", ".", "SpaceAfter=No|X=1")
        + "\n# sent_id = 2\n"
        + ten("1", "10 000", "NUM", "CD")
    )
    spaces = [True, False, False, True, False, True, False]
    assert conllu(tmp_path, content) == [
        (3, sentence("He did n't , he 's .", "PRON AUX PART PUNCT PRON AUX PUNCT", "weblog-1", spaces)),
        (15, {"tokens": ["10 000"], "tags": ["NUM"], "group": "weblog-1", "space_after": [True]}),
    ]
    assert conllu(tmp_path, content, "xpos")[0][1]["tags"] == ["PRP", "VBD", "RB", ",", "PRP", "VBZ", "."]


def test_comments_before_a_blank_line_belong_to_the_next_sentence(tmp_path: Path) -> None:
    found = conllu(tmp_path, "# newdoc id = x\n\n\n" + ten("1", "#") + "\n" + ten("1.1", "gone"))
    assert found == [(4, sentence("#", "X", "x", [True]))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\ta\n", "^a.txt, line 1: 2 columns, but CoNLL-U has 10, separated by tabs; read other files as columns"),
        (ten("1", "a") + "# late\n", r"line 2: 1 column \('# late'\), but CoNLL-U has 10"),
        (ten("1", "a") + ten("1", "b"), "line 2: word number '1', but the next one is 2; a blank line ends a sentence"),
        (ten("x", "a"), "line 1: word number 'x', but the next one is 1"),
        (ten("1", "a", "_"), "line 1: word 'a' has no upos; fill it in, or read another column"),
        (ten("1", ""), "line 1: the word is empty"),
        (ten("1", "a").encode() + b"\xff", "line 2: byte 0xff at column 1 is not UTF-8"),
    ],
)
def test_conllu_that_cannot_be_read(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        conllu(tmp_path, content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conll")


pairs = st.tuples(st.text("a#-中=.", min_size=1, max_size=3), st.sampled_from(["O", "B-X", "I-X"]))


@given(
    given=st.lists(st.lists(pairs, min_size=1, max_size=4), max_size=4), separator=st.sampled_from(["\t", " ", "  "])
)
def test_what_is_written_in_columns_is_read(folder: Path, given: list[list[tuple[str, str]]], separator: str) -> None:
    content = "".join("".join(f"{token}{separator}{tag}\n" for token, tag in one) + "\n" for one in given)
    found = columns(folder, content)
    assert [list(zip(one["tokens"], one["tags"], strict=True)) for _, one in found] == given
    assert [line for line, _ in found] == [1 + sum(len(one) + 1 for one in given[:at]) for at in range(len(given))]
