"""`finetrail predict` on images: every file is scored or named with the reason why not."""

import base64
import csv
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from finetrail.commands.predict import Scored, predict
from finetrail.contents.image import IMAGE as CONTENT
from finetrail.contents.image.pixel_tables import grey_png
from finetrail.data.store.shards import Most
from finetrail.errors import ConfigError, SourceError
from finetrail.workspace import Workspace
from tests.unit.red_or_blue import BLUE, RED, image
from tests.unit.sections_of import IMAGES, source_of

pytestmark = pytest.mark.slow

IMAGE: dict[str, Any] = {"content": CONTENT, "columns": ["image"]}
FILES = {
    "a.png": image(RED),
    "b/c.jpg": image(BLUE, "JPEG"),
    "b/d.webp": image(RED, "WEBP", (40, 12)),
    "e.txt": b"no image",
    "z/cut.png": image(RED)[:-30],
}
EXPECTED = [("a.png", "red"), ("b/c.jpg", "blue"), ("b/d.webp", "red")]


@pytest.fixture
def workspace(tmp_path: Path, mlflow_database: str, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    return Workspace(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name, data in (FILES | {".hidden.png": b"", "b/Thumbs.db": b"", "__MACOSX/a.png": b""}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture
def photos(workspace: Workspace, image_model: str, folder: Path) -> tuple[Workspace, str, Path]:
    return workspace, image_model, folder


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_json(path, lines=True) if path.suffix == ".jsonl" else pd.read_csv(path)


def pack(folder: Path, target: Path) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w") as archive:
            for path in files:
                archive.write(path, path.relative_to(folder))
    else:
        with tarfile.open(target, "w:gz") as archive:
            for path in files:
                archive.add(path, path.relative_to(folder).as_posix())
    return target


@pytest.mark.parametrize(
    ("archive", "target", "chunk"),
    [("", "b.csv", 2), ("p.zip", "b.jsonl", 2), ("p.tar.gz", "b.parquet", 1), ("", "b.csv", 9)],
)
def test_a_folder_or_archive_is_scored_and_what_is_no_image_is_named(
    photos: tuple[Workspace, str, Path], archive: str, target: str, chunk: int
) -> None:
    workspace, image_model, folder = photos
    source = pack(folder, workspace.root / archive) if archive else folder
    rejects = workspace.root / f"{target}.rejects.csv"
    done = predict(workspace, image_model, source, workspace.root / target, chunk=Most(chunk, 2**20), **IMAGE)
    assert done == Scored(3, 2, rejects)
    scored = read(workspace.root / target)
    assert list(scored.columns) == ["image", "row", "predicted_label", "score"]
    assert list(zip(scored["image"], scored["predicted_label"], strict=True)) == EXPECTED
    assert scored["score"].between(0.5, 1).all()
    with rejects.open(newline="") as file:
        named = list(csv.reader(file))
    assert [row[:2] for row in named] == [["row", "image"], ["4", "e.txt"], ["5", "z/cut.png"]]
    assert "not an image of a known format" in named[1][2]
    assert "not a complete image" in named[2][2]
    assert len(scored) + len(named) - 1 == len(FILES)


def test_the_names_of_an_earlier_run_do_not_stay(workspace: Workspace, image_model: str, folder: Path) -> None:
    target = workspace.root / "b.csv"
    assert predict(workspace, image_model, folder, target, **IMAGE).rejected == 2
    (folder / "e.txt").unlink()
    (folder / "z" / "cut.png").unlink()
    assert predict(workspace, image_model, folder, target, **IMAGE) == Scored(3, 0, None)
    assert {path.name for path in workspace.root.iterdir()} == {"photos", "b.csv", ".finetrail"}


def test_where_nothing_can_be_scored_the_first_is_named(workspace: Workspace, image_model: str, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    for number in range(3):
        (tmp_path / "bad" / f"{number}.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"^none of the 3 rows of bad could be scored \(row 1: 0 bytes; save the ima"):
        predict(workspace, image_model, tmp_path / "bad", tmp_path / "b.csv", **IMAGE)
    assert not (tmp_path / "b.csv").exists()


def test_a_single_image(workspace: Workspace, image_model: str, folder: Path) -> None:
    predict(workspace, image_model, folder / "a.png", workspace.root / "b.csv", **IMAGE)
    assert read(workspace.root / "b.csv")[["image", "predicted_label"]].to_numpy().tolist() == [["a.png", "red"]]


def test_a_table_of_grey_values_is_scored_as_its_images_are(workspace: Workspace, image_model: str) -> None:
    lines = [bytes(range(start, start + 64)) for start in (0, 90, 191)]
    folder, table, target = (workspace.root / name for name in ("digits", "digits.csv", "b.csv"))
    folder.mkdir()
    for number, line in enumerate(lines):
        (folder / f"{number}.png").write_bytes(grey_png(line, 8))
    table.write_text("\n".join([*(",".join(map(str, line)) for line in lines), "1,2,3"]))
    predict(workspace, image_model, folder, workspace.root / "a.csv", **IMAGE)
    digits = source_of(IMAGES, path="data/input/digits.csv", format="pixels")
    done = predict(workspace, image_model, table, target, labelled=digits, **IMAGE)
    assert (done.rows, done.rejected) == (3, 1)
    found, expected = read(target), read(workspace.root / "a.csv")
    assert list(found["image"]) == ["row 1", "row 2", "row 3"]
    assert found[["predicted_label", "score"]].equals(expected[["predicted_label", "score"]])
    named = read(workspace.root / "b.csv.rejects.csv")
    assert named[["row", "reason"]].to_numpy().tolist() == [[4, "3 fields, but the first line has 64"]]


def test_a_table_of_paths_and_base64(workspace: Workspace, image_model: str, folder: Path) -> None:
    text = base64.b64encode(image(BLUE, size=(90, 90))).decode()
    values = ["a.png", str(folder / "b" / "c.jpg"), text, "gone.png", "", f"data:image/png;base64,{text}"]
    pd.DataFrame({"file": values, "label": range(6)}).to_csv(folder / "table.csv", index=False)
    target = workspace.root / "b.csv"
    done = predict(workspace, image_model, folder / "table.csv", target, content=CONTENT, columns=["file"])
    assert (done.rows, done.rejected) == (4, 2)
    scored = read(target)
    assert scored["file"].tolist() == [values[0], values[1], "row 3", "row 6"]
    assert list(scored["predicted_label"]) == ["red", "blue", "blue", "blue"]
    assert list(read(workspace.root / "b.csv.rejects.csv")["file"]) == ["gone.png", "row 5"]


def test_a_table_of_bytes_and_of_structs(workspace: Workspace, image_model: str, folder: Path) -> None:
    structs = [
        {"bytes": FILES["a.png"], "path": "x"},
        {"bytes": None, "path": "b/c.jpg"},
        {"bytes": None, "path": None},
    ]
    for name, values in (("bytes", [FILES["a.png"], FILES["b/c.jpg"], None]), ("structs", structs)):
        pd.DataFrame({"image": values}).to_parquet(folder / f"{name}.parquet")
        target = workspace.root / "b.csv"
        done = predict(workspace, image_model, folder / f"{name}.parquet", target, **IMAGE)
        assert (done.rows, done.rejected) == (2, 1)
        assert list(read(target)["predicted_label"]) == ["red", "blue"]
        assert read(workspace.root / "b.csv.rejects.csv")["image"].tolist() == ["row 3"]


def test_a_model_of_texts_is_refused(workspace: Workspace, registered: object, folder: Path) -> None:
    assert registered
    with pytest.raises(ConfigError, match=r"models:/shared@challenger reads texts, but the task .* reads images; name"):
        predict(workspace, "models:/shared@challenger", folder, workspace.root / "b.csv", **IMAGE)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "none does not exist; give a folder, an archive, an image, or a CSV"),
        ("empty", "", "'empty' holds no files; name the folder or archive"),
        ("a.zip", b"PK but no more", "a.zip is not a complete archive"),
        ("a.doc", b"x", "'a.doc': cannot tell its format from '.doc'; give a folder"),
        ("a.csv", b"path\nx.png\n", "a.csv: no column 'image'; it has 'path'"),
    ],
)
def test_a_source_that_cannot_be_read_leaves_the_earlier_files(
    tmp_path: Path, name: str, content: bytes | str | None, message: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        (tmp_path / name).mkdir()
    (tmp_path / "b.csv").write_text("earlier")
    with pytest.raises(SourceError) as caught:
        predict(Workspace(tmp_path), "models:/m/1", tmp_path / name, tmp_path / "b.csv", **IMAGE)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert (tmp_path / "b.csv").read_text() == "earlier"


def test_an_archive_that_breaks_off_leaves_the_earlier_file(workspace: Workspace, image_model: str) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name in ("a.png", "b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(FILES["a.png"])
            archive.addfile(member, io.BytesIO(FILES["a.png"]))
    (workspace.root / "a.tar").write_bytes(whole.getvalue()[:1600])
    (workspace.root / "b.csv").write_text("earlier")
    target = workspace.root / "b.csv"
    with pytest.raises(SourceError, match=r"a.tar is not a complete archive"):
        predict(workspace, image_model, workspace.root / "a.tar", target, chunk=Most(1, 2**20), **IMAGE)
    assert (workspace.root / "b.csv").read_text() == "earlier"
    assert {path.name for path in workspace.root.iterdir()} == {"a.tar", "b.csv", ".finetrail"}
