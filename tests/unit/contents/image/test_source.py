"""Images out of folders, archives and hub data sets; what leads to other places is refused."""

import os
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from finetrail.contents.image.values import cached_image
from finetrail.data.sources.folders import MOST_BYTES
from finetrail.data.store.content import Absent
from finetrail.data.store.raw import Row, read_manifest
from finetrail.data.store.shards import Contents, pick, read_frame
from finetrail.errors import SourceError
from finetrail.stages.ingest import ingest
from finetrail.workspace import Workspace
from tests.unit.data.image_files import encode, noise_image, put
from tests.unit.data.image_rows_of import read, refusal
from tests.unit.sections_of import IMAGES, source_of

PLACES = ("test/cat/0", "test/dog/1", "train/cat/2", "train/dog/3")
FILES = {f"{place}.png": encode(noise_image(number)) for number, place in enumerate(PLACES)}


def expected(above: str = "") -> list[Row]:
    rows = []
    for number, (name, data) in enumerate(FILES.items(), start=1):
        split, label, _ = name.split("/")
        rows.append(Row(above + name, number, data, label, split))
    return rows


def lay_out(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        put(root, name, data)


def pack(path: Path, files: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return
    folder = path.parent / "unpacked"
    lay_out(folder, files)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name in files:
            tar.add(folder / name, name)


def test_a_folder(tmp_path: Path) -> None:
    lay_out(tmp_path / "photos", FILES)
    assert read(tmp_path, path="photos") == expected()


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz"])
@pytest.mark.parametrize("above", ["", "photos/"])
def test_an_archive_gives_the_rows_of_its_folder(tmp_path: Path, name: str, above: str) -> None:
    pack(tmp_path / name, {above + member: data for member, data in FILES.items()})
    assert read(tmp_path, path=name) == expected(above)


@pytest.mark.parametrize("name", ["photos", "photos.zip"])
def test_the_names_of_files_say_what_a_table_has_in_columns(tmp_path: Path, name: str) -> None:
    files = {
        f"{kind}/{video}_{side}_{n}.png": FILES["train/cat/2.png"]
        for kind in ("cat", "dog")
        for video, side, n in ((7, "left", 1), (7, "right", 2), (8, "left", 1))
    }
    (lay_out if name == "photos" else pack)(tmp_path / name, files)
    said = {"path": name, "columns": {"group": "video", "metadata": ["camera"]}}
    found = read(tmp_path, file_name=r"(?P<video>\d+)_(?P<camera>left|right)?", **said)
    assert [(row.group, row.metadata["camera"]) for row in found] == [("7", "left"), ("7", "right"), ("8", "left")] * 2
    assert refusal(tmp_path, **said).startswith("source.columns names 'video', but files have no columns; let source.")
    assert refusal(tmp_path, file_name=r"(?P<film>\d)_", **said).startswith("source.columns names 'video', but files")
    assert re.match(
        r"'cat/7_right_2.png' does not match source.file_name .*; let the pattern match every file",
        refusal(tmp_path, file_name=r"(?P<video>\d)_(?P<camera>left)", **said),
    )


@pytest.mark.parametrize(
    ("pattern", "why"),
    [("_", "names nothing; name a part of"), ("(", r"is no regular expression of Python's \(missing")],
)
def test_a_pattern_of_file_names_has_to_name_something(pattern: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        source_of(IMAGES, path="photos", file_name=pattern)


@pytest.mark.parametrize("name", ["photos", "photos.zip"])
def test_only_what_file_managers_leave_is_passed_over(tmp_path: Path, name: str) -> None:
    litter = {"train/.DS_Store": b"x", "train/cat/Thumbs.db": b"x", "__MACOSX/train/cat/._1.png": b"x"}
    others = {"train/cat/notes.txt": b"not an image", "LICENSE": b"free"}
    files = dict(sorted((FILES | litter | others).items()))
    if name == "photos":
        lay_out(tmp_path / name, files)
    else:
        pack(tmp_path / name, files)
    rows = read(tmp_path, path=name)
    assert {row.source for row in rows} == {*FILES, *others}
    assert {(row.source, row.label, row.split) for row in rows if row.source in others} == {
        ("train/cat/notes.txt", "cat", "train"),
        ("LICENSE", None, None),
    }


def test_hidden_files_and_class_folders_without_an_image_are_told(tmp_path: Path) -> None:
    lay_out(tmp_path / "photos", {"bird/1.png": b"1", "dog/.DS_Store": b"x", "cat/deep/2.png": b"2"})
    notes: list[str] = []
    found = [(row.source, row.row) for row in source_of(IMAGES, path="photos").read(tmp_path, notes.append)]
    assert found == [("bird/1.png", 1), ("cat/deep/2.png", 2)]
    assert notes == [
        "photos: passed over 1 files that are hidden or left by a file manager, such as 'dog/.DS_Store'",
        "photos: class folder 'dog' has no row",
    ]


def test_one_place_for_each_split(tmp_path: Path) -> None:
    lay_out(tmp_path / "a", {"cat/1.png": b"1", "dog/2.png": b"2"})
    pack(tmp_path / "b.zip", {"b/cat/3.png": b"3", "b/dog/4.png": b"4"})
    found = read(tmp_path, splits={"train": "a", "test": "b.zip"})
    assert [(row.content, row.label, row.split) for row in found] == [
        (b"1", "cat", "train"),
        (b"2", "dog", "train"),
        (b"3", "cat", "test"),
        (b"4", "dog", "test"),
    ]


def test_links_inside_are_followed_and_others_refused(tmp_path: Path) -> None:
    secret = put(tmp_path, "secret.png", b"secret")
    lay_out(tmp_path / "photos", {"cat/1.png": b"1", "dog/2.png": b"2"})
    link = tmp_path / "photos" / "dog" / "3.png"
    link.symlink_to("../cat/1.png")
    assert [row.content for row in read(tmp_path, path="photos")] == [b"1", b"2", b"1"]
    for target in (secret, "../../secret.png", "nowhere.png", "3.png"):
        link.unlink()
        link.symlink_to(target)
        message = "'dog/3.png' is a link that leads out of 'photos' or nowhere; put the file itself there"
        assert refusal(tmp_path, path="photos") == message
    link.unlink()
    link.symlink_to("../cat")
    assert refusal(tmp_path, path="photos") == "'dog/3.png' is a link to a folder; put the folder itself there"
    link.unlink()
    (tmp_path / "linked").symlink_to(tmp_path / "photos")  # the place itself may be anywhere
    assert len(read(tmp_path, path="linked")) == 2


def test_links_into_the_cache_of_dvc_are_followed(tmp_path: Path) -> None:
    """DVC puts them there when its cache.type is symlink."""
    cached = put(tmp_path, f".dvc/cache/files/md5/ab/{'c' * 30}", b"1")
    lay_out(tmp_path / "photos", {"dog/2.png": b"2"})
    (tmp_path / "photos" / "dog" / "1.png").symlink_to(cached)
    assert [row.content for row in read(tmp_path, path="photos")] == [b"1", b"2"]


def test_pipes_and_files_that_are_too_large_are_refused(tmp_path: Path) -> None:
    with put(tmp_path, "photos/cat/1.png", b"").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # a hole: it takes no room
    message = f"'cat/1.png' has more than {MOST_BYTES:,} bytes, the limit for a row; remove it"
    assert refusal(tmp_path, path="photos") == message
    os.mkfifo(tmp_path / "photos" / "cat" / "0.png")
    assert refusal(tmp_path, path="photos") == "'cat/0.png' is a pipe, socket or device, not a file; remove it"


def test_a_name_that_is_no_unicode_is_escaped(tmp_path: Path) -> None:
    put(tmp_path, os.fsdecode(b"photos/caf\xe9/1.png"), b"1")
    assert read(tmp_path, path="photos") == [Row("caf\\xe9/1.png", 1, b"1", "caf\\xe9")]


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path, path="empty").startswith(
        "'empty' has no class folders in it; lay the files out as <label>"
    )
    put(tmp_path, "a.rar", b"x")
    message = "'a.rar': cannot tell its format from '.rar'; set source.format to one of csv, tsv, jsonl, parquet, "
    assert refusal(tmp_path, path="a.rar") == message + "folder, archive, pixels"
    assert refusal(tmp_path, path="empty", format="archive").startswith("'empty' is a folder, but source.format is")
    put(tmp_path, "a.zip", b"words")
    torn = "a.zip is not a complete archive (truncated header at the start of a member); copy or download it again"
    assert refusal(tmp_path, path="a.zip") == torn


def test_ingest_names_what_is_no_image_and_keeps_memory_to_a_batch(tmp_path: Path) -> None:
    bad = {"train/cat/9.png": b"words", "train/dog/8.png": b"", "train/dog/7.jpg": encode(noise_image(1), "JPEG")[:200]}
    pack(tmp_path / "photos.zip", FILES | bad)
    done = ingest(Workspace(tmp_path), source_of(IMAGES, path="photos.zip"))
    assert done.rows == {"test": 2, "train": 5}
    raw = tmp_path / "data" / "raw"
    manifest = read_manifest(raw).set_index("source")
    assert set(manifest.index[manifest["error"].notna()]) == set(bad)
    assert set(manifest.index[manifest["perceptual_hash"].notna()]) == set(FILES)
    assert list(Contents(raw, "image")) == [*FILES.values(), *bad.values()]
    frame = read_frame(raw)
    assert list(frame.columns) == ["id", "label", "group", "split"]
    assert list(frame["id"]) == list(manifest["id"])
    chosen = str(manifest.loc["train/dog/8.png", "id"])
    assert pick(raw, "image", [chosen]) == {chosen: b""}


def test_a_limit_decodes_only_what_it_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(tmp_path / "photos.zip", {f"cat/{n}.png": encode(noise_image(n)) for n in range(20)})
    seen: list[object] = []
    plainly = Image.open

    def counted(file: Any, **how: Any) -> Any:
        seen.append(file)
        return plainly(file, **how)

    monkeypatch.setattr("PIL.Image.open", counted)
    done = ingest(Workspace(tmp_path), source_of(IMAGES, path="photos.zip", limit={"all": 5}))
    assert done.rows == {"all": 5}
    assert len(seen) == 5
    manifest = read_manifest(tmp_path / "data" / "raw")
    every = sorted(row.sha256 or "" for row in read(tmp_path, path="photos.zip"))
    assert sorted(manifest["sha256"]) == every[:5]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a hub data set with an Image feature, as the `datasets` library gives it."""
    from datasets import ClassLabel, Dataset, DatasetDict, Features
    from datasets import Image as ImageFeature

    features = Features({"image": ImageFeature(), "label": ClassLabel(names=["cat", "dog"])})
    stored = [{"bytes": data, "path": None} for data in FILES.values()]
    parts = {"train": stored[:2], "test": stored[2:]}
    loaded = DatasetDict(
        {name: Dataset.from_dict({"image": part, "label": [0, 1]}, features=features) for name, part in parts.items()}
    )
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: loaded)
    return "hf://datasets/owner/photos"


def test_the_images_of_a_hub_data_set_are_kept_as_they_are_stored(hub: str) -> None:
    rows = read(Path(), path=hub)
    assert [row.content for row in rows] == [*FILES.values()]
    assert [(row.source, row.row, row.label, row.split) for row in rows] == [
        ("owner/photos/train", 1, "cat", "train"),
        ("owner/photos/train", 2, "dog", "train"),
        ("owner/photos/test", 1, "cat", "test"),
        ("owner/photos/test", 2, "dog", "test"),
    ]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def test_a_hub_data_set_reads_no_file_outside_of_the_cache(tmp_path: Path, cache: Path) -> None:
    inside, outside = put(cache, "downloads/1.png", b"1"), put(tmp_path, "secret.png", b"secret")
    assert cached_image("x, row 1", {"bytes": None, "path": str(inside)}) == b"1"
    assert cached_image("x, row 1", {"bytes": b"2", "path": str(outside)}) == b"2"
    assert cached_image("x, row 1", {"bytes": None, "path": str(cache / "gone.png")}) == Absent(
        f"{str(cache / 'gone.png')!r} is no file of the data set"
    )
    assert cached_image("x, row 1", {"bytes": None, "path": None}) is None
    for path in (str(outside), f"{cache}/../secret.png"):
        with pytest.raises(SourceError, match=r"x, row 1 points to .*secret\.png', outside the data set; use one"):
            cached_image("x, row 1", {"bytes": None, "path": path})
    with pytest.raises(SourceError, match="x, row 1 holds 'words'; it must be an Image feature or bytes; set source"):
        cached_image("x, row 1", "words")
