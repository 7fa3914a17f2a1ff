"""Texts to write, out of tables, columns of two languages, parallel files and gettext's messages."""

import json
from pathlib import Path
from typing import Any

import pytest

from finetrail.data.store.raw import Row
from finetrail.errors import ConfigError, SourceError
from tests.unit.sections_of import source_of

PAIR = {"pair": "translation", "languages": ["en", "de"]}
PO = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#. A button
msgctxt "verb"
msgid "Open"
msgstr "Öffnen"

msgctxt "adjective"
msgid "Open"
msgstr "Offen"

#, python-format
msgid "%d page"
msgid_plural "%d pages"
msgstr[0] "%d Seite"
msgstr[1] "%d Seiten"

msgid ""
"A long "
"line\n"
msgstr "Eine lange \"Zeile\"\n"

#, fuzzy
msgid "Search"
msgstr "Sucher"

msgid "Not yet"
msgstr ""

#~ msgid "Old"
#~ msgstr "Alt"
"""


def read(root: Path, told: list[str] | None = None, **source: Any) -> list[Row]:
    told = [] if told is None else told
    return list(source_of("translation", **source).read(root, told.append))


def pairs(rows: list[Row]) -> list[tuple[Any, Any]]:
    return [(row.content, row.label) for row in rows]


def refusal(root: Path, **source: Any) -> str:
    with pytest.raises((SourceError, ConfigError)) as caught:
        read(root, **source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_holds_both_texts(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("text\ttarget\nThe house\tDas Haus\nA cat\t\n", encoding="utf-8")
    assert pairs(read(tmp_path, path="a.tsv")) == [("The house", "Das Haus"), ("A cat", "")]
    columns = {"text": "target", "label": "text"}
    assert pairs(read(tmp_path, path="a.tsv", columns=columns))[0] == ("Das Haus", "The house")


def test_a_label_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "target": ["b", "c"]}\n', encoding="utf-8")
    assert refusal(tmp_path, path="a.jsonl") == (
        "a.jsonl, row 1: label \"['b', 'c']\" is a list, but the labels of this task are texts; name another column in "
        "source.columns.label, or use another task"
    )


def write_pairs(root: Path, *values: Any) -> None:
    lines = [json.dumps({"translation": value, "target": "not read"}) for value in values]
    (root / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_a_column_of_texts_by_language_as_the_hub_has_them(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"en": "a house", "de": "ein Haus"}, {"en": "a cat", "de": None}, None)
    expected = [("a house", "ein Haus"), ("a cat", None), (None, None)]
    assert pairs(read(tmp_path, path="a.jsonl", columns=PAIR)) == expected
    back = {"pair": "translation", "languages": ["de", "en"]}
    assert pairs(read(tmp_path, path="a.jsonl", columns=back))[0] == ("ein Haus", "a house")


def test_a_data_set_of_the_hub_has_such_a_column(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict, Features, Translation

    rows = {"translation": [{"en": "a house", "de": "ein Haus"}] * 2}
    data = Dataset.from_dict(rows, features=Features({"translation": Translation(languages=["en", "de"])}))
    DatasetDict({"train": data, "test": data}).save_to_disk(str(tmp_path / "data"))
    found = read(tmp_path, path="data", columns=PAIR)
    assert [(row.content, row.label, row.split) for row in found[::2]] == [
        ("a house", "ein Haus", "train"),
        ("a house", "ein Haus", "test"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"en": "a", "fr": "b"}, "has no text of language 'de'; it has 'en', 'fr'; set source.columns.languages"),
        ("a text", "has no text of language 'en'; it is 'a text'; set source.columns.languages"),
        ({"en": "a", "de": 7}, "label '7' is a int, but the labels of this task are texts"),
        ({"en": "\ud83d", "de": "b"}, "it must be text that can be encoded as UTF-8"),
    ],
)
def test_a_column_without_both_languages_is_refused(tmp_path: Path, value: Any, expected: str) -> None:
    write_pairs(tmp_path, value)
    assert expected in refusal(tmp_path, path="a.jsonl", columns=PAIR)


def test_a_pair_needs_its_languages() -> None:
    with pytest.raises(ValueError, match="pair and languages go together"):
        source_of("translation", path="a.jsonl", columns={"pair": "translation"})


def write_parallel(root: Path, source: str, target: str) -> None:
    (root / "train.en").write_bytes(source.encode())
    (root / "train.de").write_bytes(target.encode())


def test_two_parallel_files_are_read_line_by_line(tmp_path: Path) -> None:
    # Only a line feed ends a line: corpora hold other separators inside of lines.
    write_parallel(tmp_path, "\ufeffone\r\ntwo\u2028more\rand more\n\nfour", "eins\r\nzwei\r\ndrei\r\nvier\r\n")
    told: list[str] = []
    source: dict[str, Any] = {"splits": {"train": "train.en"}, "format": "parallel", "columns": {"target_file": "*.de"}}
    found = read(tmp_path, told, **source)
    assert pairs(found) == [("one", "eins"), ("two\u2028more\rand more", "zwei"), ("", "drei"), ("four", "vier")]
    assert {row.split for row in found} == {"train"}
    assert told == ["train.en and train.de: 4 lines each"]
    (tmp_path / "answers").write_text("1\n2\n3\n4\n", encoding="utf-8")
    named = source | {"columns": {"target_file": "answers"}}
    assert pairs(read(tmp_path, **named))[3] == ("four", "4")


@pytest.mark.parametrize(("target", "count"), [("eins\nzwei\n", 2), ("eins\nzwei\ndrei\nvier\n", 4)])
def test_parallel_files_of_other_lengths_are_refused(tmp_path: Path, target: str, count: int) -> None:
    write_parallel(tmp_path, "one\ntwo\nthree\n", target)
    assert refusal(tmp_path, path="train.en", format="parallel", columns={"target_file": "*.de"}) == (
        f"train.en has 3 lines, but train.de has {count}: each line belongs to that of the same number; correct one of "
        "the two files"
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "name the other in source.columns.target_file, such as '*.de'"),
        ({"target_file": "*.fr"}, "train.en should have train.fr beside it"),
        ({"target_file": "*.en"}, "train.en should have train.en beside it"),
        ({"target_file": "*.de", "text": ["a", "b"]}, "source.columns.text names 2; name one"),
    ],
)
def test_the_other_file_must_be_named_and_be_there(tmp_path: Path, columns: dict[str, Any], expected: str) -> None:
    write_parallel(tmp_path, "one\n", "eins\n")
    assert expected in refusal(tmp_path, path="train.en", format="parallel", columns=columns)


def test_the_other_file_lies_beside_the_first() -> None:
    with pytest.raises(ValueError, match="target_file"):
        source_of("translation", path="a.en", format="parallel", columns={"target_file": "../*.de"})


def test_translated_messages_are_read_and_the_others_counted(tmp_path: Path) -> None:
    (tmp_path / "django.po").write_text(PO, encoding="utf-8")
    told: list[str] = []
    found = read(tmp_path, told, path="django.po")
    assert pairs(found) == [
        ("Open", "Öffnen"),
        ("Open", "Offen"),
        ("%d page", "%d Seite"),
        ("%d pages", "%d Seiten"),
        ("A long line\n", 'Eine lange "Zeile"\n'),
    ]
    assert told == ["django.po: 5 rows; 7 entries = 4 translated + 1 fuzzy + 1 obsolete + 1 untranslated"]
    assert [row.group for row in found] == ["Open", "Open", "%d page", "%d page", "A long line"]
    assert found[0].row == PO.split("\n").index("#. A button") + 1


def test_a_language_without_plurals_says_one_thing_and_many_alike(tmp_path: Path) -> None:
    entry = 'msgid "%d page"\nmsgid_plural "%d pages"\nmsgstr[0] "%d 页"\n'
    (tmp_path / "a.po").write_text(entry, encoding="utf-8")
    assert pairs(read(tmp_path, path="a.po")) == [("%d page", "%d 页"), ("%d pages", "%d 页")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'msgid "a"\nmsgtext "b"\n', "cannot be read as a .po file (Syntax error in po file a.po (line 2)"),
        (b'msgid "a"\nmsgstr "\xe4"\n', "cannot be read as a .po file ('utf-8' codec can't decode byte 0xe4"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes, expected: str) -> None:
    (tmp_path / "a.po").write_bytes(data)
    said = refusal(tmp_path, path="a.po")
    assert expected in said
    assert said.endswith("check it with `msgfmt -c`")
    assert str(tmp_path) not in said


@pytest.mark.parametrize("line", ['msgstr "b', 'msgstr[0] "', '"more'])
def test_a_text_without_its_end_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.po").write_text(f'msgid "a"\n{line}\n', encoding="utf-8")
    assert refusal(tmp_path, path="a.po") == (
        "a.po, line 2: a text begins with a quote and does not end with one; add it"
    )


def test_a_file_without_translations_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.po").write_text('msgid "a"\nmsgstr ""\n', encoding="utf-8")
    assert "a.po has no rows" in refusal(tmp_path, path="a.po")


def write_po(root: Path, name: str, header: str, text: str = "Seite") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    entry = f'msgid "page"\nmsgstr "{text}"\n'
    (root / name).write_text(f'msgid ""\nmsgstr ""\n"{header}\\n"\n\n{entry}', encoding="utf-8")


def test_a_tree_of_messages_is_read_in_one_language(tmp_path: Path) -> None:
    write_po(tmp_path, "locale/de/LC_MESSAGES/django.po", "Language: de", "Seite")
    write_po(tmp_path, "locale/de/LC_MESSAGES/djangojs.po", "Project: none", "Blatt")
    write_po(tmp_path, "locale/app/de.po", "Project: none", "Bogen")
    write_po(tmp_path, "locale/pt_BR/LC_MESSAGES/django.po", "Language: pt-br", "p\u00e1gina")
    (tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.mo").write_bytes(b"\x00")
    assert refusal(tmp_path, path="locale") == (
        "locale holds .po files of de, pt_br; set source.columns.language to the one that is to be written"
    )
    assert refusal(tmp_path, path="locale", columns={"language": "fr"}) == (  # those that are most like it first
        "locale holds .po files of pt_br, de, but none of 'fr'; set source.columns.language to the one that is to be "
        "written"
    )
    told: list[str] = []
    found = read(tmp_path, told, path="locale", columns={"language": "de"})
    assert pairs(found) == [("page", "Bogen"), ("page", "Seite"), ("page", "Blatt")]
    assert [row.source for row in found][:2] == ["app/de.po", "de/LC_MESSAGES/django.po"]
    assert len({row.group for row in found}) == 1
    assert told[0] == "locale: passed over 1 .po files of other languages than de"
    assert told[2] == "de/LC_MESSAGES/django.po: 1 rows; 1 entries = 1 translated"
    assert pairs(read(tmp_path, path="locale", columns={"language": "pt_BR"})) == [("page", "p\u00e1gina")]
    assert pairs(read(tmp_path, path="locale/de")) == [("page", "Seite"), ("page", "Blatt")], "of one language alone"


def test_a_fault_in_a_tree_names_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty holds no .po file; name the folder" in refusal(tmp_path, path="empty")
    write_po(tmp_path, "locale/de/LC_MESSAGES/django.po", "Language: de", "")
    assert "locale has no rows in any of its files" in refusal(tmp_path, path="locale")
    (tmp_path / "locale/de/LC_MESSAGES/django.po").write_text('msgid "a"\nmsgstr "b\n', encoding="utf-8")
    assert refusal(tmp_path, path="locale").startswith("de/LC_MESSAGES/django.po, line 2: a text begins with a quote")


def test_a_folder_of_parallel_files_is_read_pair_by_pair(tmp_path: Path) -> None:
    for part in ("one", "more/two"):
        (tmp_path / "texts" / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / f"{part}.en").write_text(f"house {part}\n", encoding="utf-8")
        (tmp_path / "texts" / f"{part}.de").write_text(f"Haus {part}\n", encoding="utf-8")
    source: dict[str, Any] = {"path": "texts", "format": "parallel", "columns": {"target_file": "*.de"}}
    assert pairs(read(tmp_path, **source)) == [("house more/two", "Haus more/two"), ("house one", "Haus one")]
    assert "target_file is 'one.de'; name the files" in refusal(
        tmp_path, **source | {"columns": {"target_file": "one.de"}}
    )
    assert "texts holds no file '*.fr'" in refusal(tmp_path, **source | {"columns": {"target_file": "*.fr"}})
    (tmp_path / "texts" / "one.fr").write_text("maison\n", encoding="utf-8")
    assert refusal(tmp_path, **source).startswith("one.de: its source should be the one other file called 'one' beside")
