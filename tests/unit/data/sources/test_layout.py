"""Labels and official splits out of folder names, for the layouts that people have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.sources.columns import SplitName
from finetrail.data.sources.layout import find_layout, folders_of, plain_name
from finetrail.errors import SourceError


def places(names: list[str], split: SplitName | None = None) -> list[tuple[str | None, str | None] | None]:
    above = [folders_of(name)[0] for name in names]
    layout = find_layout("photos.zip", set(above), split)
    return [layout.place(folders) for folders in above]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cat/1.jpg", "dog/2.jpg"], [("cat", None), ("dog", None)]),
        (["cat/white/1.jpg", "dog/2.jpg"], [("cat", None), ("dog", None)]),
        (["photos/cat/1.jpg", "photos/dog/2.jpg"], [("cat", None), ("dog", None)]),
        (["a/b/c/cat/1.jpg", "a/b/c/dog/2.jpg"], [("cat", None), ("dog", None)]),
        (["train/cat/1.jpg", "test/dog/2.jpg"], [("cat", "train"), ("dog", "test")]),
        (["cifar10/Train/cat/1.jpg", "cifar10/valid/dog/2.jpg"], [("cat", "train"), ("dog", "val")]),
        (["train/cat/1.jpg", "train/dog/2.jpg"], [("cat", "train"), ("dog", "train")]),
        (["train/cat/kitten/1.jpg", "dev/dog/2.jpg"], [("cat", "train"), ("dog", "val")]),
        (["train/1.jpg", "car/2.jpg"], [("train", None), ("car", None)]),
        (["train/steam/1.jpg", "car/2.jpg"], [("train", None), ("car", None)]),
        # What stands beside: pages to read, and test images without labels.
        (["README.md", "x/cat/1.jpg", "x/dog/2.jpg"], [(None, None), ("cat", None), ("dog", None)]),
        (["x/README.md", "x/cat/1.jpg", "x/dog/2.jpg"], [(None, None), ("cat", None), ("dog", None)]),
        (["train/cat/1.jpg", "test/dog/1.jpg", "meta/x.json"], [("cat", "train"), ("dog", "test"), (None, None)]),
        (["train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg"], [("cat", "train"), ("dog", "train"), (None, "test")]),
    ],
)
def test_the_level_of_splits_and_labels_is_found(
    names: list[str], expected: list[tuple[str | None, str | None]]
) -> None:
    assert places(names) == expected


def test_a_split_of_the_whole_tree() -> None:
    assert places(["cat/1.jpg", "dog/2.jpg"], "val") == [("cat", "val"), ("dog", "val")]
    assert places(["valid/cat/1.jpg", "valid/dog/2.jpg"], "val") == [("cat", "val"), ("dog", "val")]
    assert places(["train/cat/1.jpg", "test/dog/2.jpg"], "test") == [None, ("dog", "test")]
    # A single wrapping folder may be called as it likes.
    assert places(["train/cat/1.jpg", "train/dog/2.jpg"], "val") == [("cat", "val"), ("dog", "val")]


@pytest.mark.parametrize(
    ("names", "split", "message"),
    [
        ([], None, "'photos.zip' has no class folders in it; lay the files out as <label>/<name> or <split>/<label>"),
        (["1.jpg", "2.jpg"], None, "has no class folders in it; "),
        (["train/1.jpg", "test/2.jpg"], None, "has no class folders in test and train; "),
        (
            ["train/a/1.jpg", "test/a/2.jpg", "extra/a/3.jpg"],
            None,
            "has the folders test, train of official splits, and",
        ),
        (
            ["train/a/1.jpg", "test/a/2.jpg"],
            "val",
            "is given as val, but has the splits test, train; give it as source",
        ),
    ],
)
def test_what_is_not_clear_is_refused(names: list[str], split: SplitName | None, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        places(names, split)


FOLDER = st.sampled_from(["cat", "dog", "train", "test", "x", "Val"])


@given(st.lists(st.lists(FOLDER, min_size=1, max_size=4), min_size=1), st.sampled_from([None, "train", "val", "test"]))
def test_any_tree_is_read_or_refused_and_a_wrapping_folder_changes_nothing(
    trees: list[list[str]], split: SplitName | None
) -> None:
    def read(names: list[str]) -> object:
        try:
            return places(names, split)
        except SourceError as error:
            return str(error)

    names = ["/".join([*folders, "1.jpg"]) for folders in trees]
    found = read(names)
    if isinstance(found, str):
        return
    assert read([f"photos/{name}" for name in names]) == found
    for name, place in zip(names, found, strict=True):  # type: ignore[call-overload]
        assert place is None or place[0] is None or place[0] in name.split("/")


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "cat/.hidden.jpg",
        ".git/x/1.jpg",
        "__MACOSX/cat/._1.jpg",
        "cat/Thumbs.db",
        "THUMBS.DB",
        "desktop.ini",
    ],
)
def test_what_file_managers_leave_is_passed_over(name: str) -> None:
    assert folders_of(name)[1]
    assert not folders_of("cat/1.jpg")[1]


@given(st.text(st.characters(codec="utf-8")), st.text("./\\C:a"))
def test_a_plain_name_never_leads_out(one: str, other: str) -> None:
    import posixpath

    for name in (one, other, one + other, f"{other}/{one}"):
        try:
            plain = plain_name("a.zip", name)
        except SourceError:
            continue
        assert posixpath.normpath("/root/" + plain).startswith("/root")
        assert ".." not in plain.split("/")
        assert not plain.startswith("/")
