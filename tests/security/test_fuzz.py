"""What others write, at random: every outcome is rows, or one line that says why not.

The suite tries some hundred inputs of each kind; `make fuzz` sets $FINETRAIL_FUZZ to many more.
"""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from finetrail.config import load_params
from finetrail.contents.image.received import receive_images
from finetrail.contents.text.received import receive_texts
from finetrail.data.sources.archives import read_members
from finetrail.data.sources.raw_rows import read_raw
from finetrail.data.sources.tables import read_jsonl
from finetrail.errors import DataError, FinetrailError
from tests.pipeline.workspaces import PARAMS

fuzzed = settings(
    max_examples=int(os.environ.get("FINETRAIL_FUZZ", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PIECES = (
    *(b"text,label\n", b"a,b\n", b'"', b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b'{"text": ', b"[", b"]}"),
    *(b"\\u", b"1e999", b"9" * 5_000, b"[" * 3_000, b"=1+1", b"\t", b";", b"PAR1", b"\x1b[2J", b"\n" * 3, b"\xc3\xa9"),
)
SECTIONS = ("task", "seed", "source", "validation", "split", "backbone", "train", "candidates", "selection", "gate")
blobs = st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def refusal(read: Callable[[], object], kind: type[FinetrailError] = FinetrailError) -> str:
    """Why something cannot be read, in one line; empty where it can."""
    try:
        read()
    except kind as error:
        return str(error)
    return ""


@fuzzed
@given(blob=blobs, ending=st.sampled_from([".csv", ".tsv", ".jsonl", ".json", ".parquet"]))
def test_a_table_gives_rows_or_a_reason(tmp_path: Path, blob: bytes, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(blob)
    assert "\n" not in refusal(lambda: list(read_raw(path, ["text"])))
    if ending.startswith(".json"):
        assert "\n" not in refusal(lambda: list(read_jsonl(path, ["text"])))


def archive(kind: str, members: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as zipped:
            for name, data in members:
                zipped.writestr(name.replace("\0", "") or "x", data)
        return stream.getvalue()
    with tarfile.open(fileobj=stream, mode="w:gz" if kind == "tar.gz" else "w") as packed:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
@fuzzed
@given(
    blob=blobs,
    members=st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=20), st.binary(max_size=50)), max_size=4),
    at=st.integers(0, 400),
)
def test_an_archive_gives_files_or_a_reason(
    tmp_path: Path, blob: bytes, members: list[tuple[str, bytes]], at: int, kind: str
) -> None:
    whole = archive(kind, members)
    path = tmp_path / f"a.{kind}"
    path.write_bytes(whole[:at] + blob + whole[at + len(blob) :])
    names: list[str] = []
    assert "\n" not in refusal(lambda: names.extend(name for name, _ in read_members(path)))
    assert not [name for name in names if ".." in name.split("/") or name.startswith("/")]


@fuzzed
@given(section=st.sampled_from(SECTIONS), value=values)
def test_params_are_read_or_refused(tmp_path: Path, section: str, value: Any) -> None:
    yaml = YAML(typ="safe")
    params = yaml.load(PARAMS)
    params[section] = value
    path = tmp_path / "params.yaml"
    with path.open("w", encoding="utf-8", errors="replace") as file:
        yaml.dump(params, file)
    assert "\n" not in refusal(lambda: load_params(path))


@fuzzed
@given(sent=st.lists(values | st.binary(max_size=80) | blobs.map(lambda one: one.decode("latin-1")), max_size=4))
def test_a_request_is_read_or_refused(sent: list[Any]) -> None:
    rows = [{"text": one} for one in sent]
    for read in (lambda: receive_images(sent, read_paths=False), lambda: receive_texts(rows)):
        said = refusal(read, DataError)
        assert said == "" or "row " in said
        assert "\n" not in said
