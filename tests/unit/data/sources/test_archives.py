"""Archives give the files that were put in, and nothing that they say of themselves is believed."""

import gzip
import io
import os
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from finetrail.data.sources.archives import Bounds, member_names, read_members
from finetrail.errors import SourceError

FILES = {"train/cat/1.jpg": b"one", "train/dog/2.jpg": b"", "test/cat/ä 3.jpg": bytes(range(256)) * 40}
MODES = {"a.tar": "w", "a.tar.gz": "w:gz", "a.tgz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}
Member = tarfile.TarInfo | zipfile.ZipInfo


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w", **of_all: object) -> Path:
    """Args: of_all: attributes of every member's header."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for key, value in of_all.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(data))
    return path


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return path


def refusal(path: Path, **bounds: int) -> str:
    """What reading the archive says, in one line."""
    with pytest.raises(SourceError) as caught:
        list(read_members(path, Bounds(**bounds)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.zip", *MODES])
def test_every_kind_gives_its_files_in_its_order(tmp_path: Path, name: str) -> None:
    path = make_tar(tmp_path / name, FILES, MODES[name]) if name in MODES else make_zip(tmp_path / name, FILES)
    assert list(read_members(path)) == list(FILES.items())
    assert list(member_names(path)) == list(FILES)


def test_what_an_archive_is_shows_its_content_not_its_name(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.zip", FILES, "w:gz")
    assert dict(read_members(path)) == FILES


def test_folders_dots_and_doubled_slashes_are_no_files(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", {"./cat//1.jpg": b"x"})
    assert list(member_names(path)) == ["cat/1.jpg"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.mkdir("cat")
        archive.writestr("cat\\1.jpg", b"x")
    assert list(member_names(tmp_path / "a.zip")) == ["cat/1.jpg"]


def test_names_that_are_no_unicode_are_escaped_and_unmarked_utf8_is_read_as_such(tmp_path: Path) -> None:
    assert list(member_names(make_tar(tmp_path / "a.tar", {"caf\udce9/1.jpg": b"x"}))) == ["caf\\xe9/1.jpg"]
    path = make_zip(tmp_path / "a.zip", {"größe/1.jpg": b"x"})
    data = path.read_bytes()
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):  # take away the mark of UTF-8, as macOS does
        at = data.index(mark) + (6 if mark[2] == 3 else 8)
        assert data[at + 1] == 8
        data = data[: at + 1] + b"\0" + data[at + 2 :]
    path.write_bytes(data)
    assert list(member_names(path)) == ["größe/1.jpg"]


@pytest.mark.parametrize(
    "name", ["../x.jpg", "cat/../../x.jpg", "/etc/x.jpg", "..\\x.jpg", "C:\\x.jpg", "c:/x.jpg", "\\x"]
)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, make: Callable[..., Path]) -> None:
    path = make(tmp_path / "a.bin", {"cat/1.jpg": b"x", name: b"x"})
    assert refusal(path).startswith(f"a.bin: {name!r} leads out of its folder; it must be a relative name")
    with pytest.raises(SourceError, match="leads out"):
        list(member_names(path))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link to '/etc/passwd'"),
        (tarfile.LNKTYPE, "a link to '/etc/passwd'"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
    ],
)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_links_and_devices_of_a_tar_are_refused(tmp_path: Path, kind: bytes, what: str, mode: str) -> None:
    path = make_tar(tmp_path / "a.tar", {"cat/1.jpg": b""}, mode, type=kind, linkname="/etc/passwd")
    assert refusal(path) == f"a.tar: 'cat/1.jpg' is {what}; only plain files are read; repack without it"


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    loose = tmp_path / "hole.bin"
    with loose.open("wb") as file:
        file.truncate(2**20)
        file.seek(2**19)
        file.write(b"x")
    path = tmp_path / "a.tar"
    subprocess.run(["tar", "--sparse", "--format=gnu", "-cf", path, "-C", tmp_path, "hole.bin"], check=True)
    assert refusal(path) == "a.tar: 'hole.bin' is a sparse file; only plain files are read; repack without it"


@pytest.mark.parametrize(
    ("mode", "what"), [(stat.S_IFLNK, "a link"), (stat.S_IFCHR, "a device"), (stat.S_IFIFO, "a device")]
)
def test_links_and_devices_of_a_zip_are_refused(tmp_path: Path, mode: int, what: str) -> None:
    member = zipfile.ZipInfo("cat/1.jpg")
    member.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    assert refusal(tmp_path / "a.zip").startswith(f"a.zip: 'cat/1.jpg' is {what}; only plain files are read")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert refusal(path).startswith("a.zip: 'cat/1.jpg' is encrypted; only plain files")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_output_cannot_be_bounded_are_refused(tmp_path: Path, method: int) -> None:
    path = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x" * 99}, method)
    assert refusal(path).startswith(f"a.zip: 'cat/1.jpg' is compressed by method {method}, not stored or deflated")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("cat/1.jpg", "./cat//1.jpg"):
            archive.addfile(tarfile.TarInfo(name))
    assert refusal(tmp_path / "a.tar").startswith("a.tar: the name 'cat/1.jpg' appears twice; repack the archive")


def test_two_spellings_of_one_name_are_one_name(tmp_path: Path) -> None:
    """Composed and decomposed, as Linux and a Mac write them."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("caf\u00e9/1.jpg", "cafe\u0301/1.jpg"):
            archive.addfile(tarfile.TarInfo(name))
    assert "appears twice; repack the archive" in refusal(tmp_path / "a.tar")


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    refused = refusal(make_zip(tmp_path / "a.zip", {"bomb.jpg": bytes(2**21)}), free=2**20)
    assert refused.startswith("a.zip: 'bomb.jpg' expands from ")
    assert "to 2,097,152 bytes or more; at most 100 times and 1,099,511,627,776 bytes are allowed" in refused
    path = make_zip(tmp_path / "b.zip", {f"{n}.jpg": bytes(2**17) for n in range(20)})
    assert refusal(path, free=2**20).startswith("b.zip: it expands from ")
    path = make_zip(tmp_path / "c.zip", {"1.jpg": os.urandom(101)})
    assert refusal(path, total=100).startswith("c.zip: it expands from ")
    assert refusal(path, a_file=10) == "c.zip: '1.jpg' has 101 bytes; a file may have at most 10; remove it"


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_tar_bombs_are_refused(tmp_path: Path, name: str) -> None:
    path = make_tar(tmp_path / name, {"bomb.jpg": bytes(2**21)}, MODES[name])
    assert refusal(path, free=2**20).startswith(f"{name}: it expands from ")


def test_a_bomb_of_a_hundred_megabytes_is_refused_unless_told_otherwise(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"bomb.jpg": bytes(100 * 2**20)})
    assert refusal(path).startswith("a.zip: 'bomb.jpg' expands from ")


@pytest.mark.parametrize("declared", [10, 2**20 + 1])
def test_a_zip_that_lies_about_its_sizes_is_caught_while_reading(tmp_path: Path, declared: int) -> None:
    path = make_zip(tmp_path / "a.zip", {"1.jpg": bytes(2**20)})
    data = bytearray(path.read_bytes())
    for at in (data.index(b"PK\x01\x02") + 24, 22):
        data[at : at + 4] = struct.pack("<I", declared)
    path.write_bytes(data)
    assert refusal(path).startswith("a.zip is not a complete archive (")


HUNGRY = """
import resource, sys
from pathlib import Path
from finetrail.data.sources.archives import read_members
from finetrail.errors import SourceError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(sum(len(data) for _, data in read_members(Path(sys.argv[1]))))
except SourceError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def memory(path: Path) -> tuple[str, int]:
    """What reading the archive in another process says, and by how many MiB that process grew."""
    done = subprocess.run([sys.executable, "-c", HUNGRY, path], check=True, capture_output=True, text=True)
    said, grown = done.stdout.splitlines()
    return said, int(grown)


def test_lies_cost_no_memory(tmp_path: Path) -> None:
    """A small declared size of 300 MB, and a header of 600 MB."""
    lying = make_zip(tmp_path / "a.zip", {"1.jpg": bytes(300 * 2**20)})
    data = bytearray(lying.read_bytes())
    for at in (data.index(b"PK\x01\x02") + 24, 22):
        data[at : at + 4] = struct.pack("<I", 10)
    lying.write_bytes(data)
    said, grown = memory(lying)
    assert "a.zip is not a complete archive" in said
    assert grown < 50
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 600 * 2**20
    with gzip.open(tmp_path / "b.tar.gz", "wb", 1) as file:
        file.write(header.tobuf())
        for _ in range(600):
            file.write(bytes(2**20))
    said, grown = memory(tmp_path / "b.tar.gz")
    assert said == "b.tar.gz: a header has more than 1,048,576 bytes; check where it comes from"
    assert grown < 50


@pytest.mark.parametrize("name", ["a.zip", *MODES])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 0.99])
def test_a_torn_archive_is_refused(tmp_path: Path, name: str, share: float) -> None:
    files = {f"{n}.jpg": os.urandom(700) for n in range(30)}
    path = make_tar(tmp_path / name, files, MODES[name]) if name in MODES else make_zip(tmp_path / name, files)
    data = path.read_bytes().rstrip(b"\0") if name == "a.tar" else path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert refusal(path).startswith(f"{name} is not a complete archive (")


def test_a_tar_that_is_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", {f"{n}.jpg": bytes(512) for n in range(30)})
    path.write_bytes(path.read_bytes()[: 1024 * 10])
    assert refusal(path) == "a.tar is not a complete archive (no end marker); copy or download it again"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_damaged_header_is_not_the_end(tmp_path: Path, mode: str) -> None:
    path = make_tar(tmp_path / "a.tar", {f"{n}.jpg": bytes(512) for n in range(30)})
    data = bytearray(path.read_bytes())
    data[1024 * 10 + 3] ^= 0xFF
    path.write_bytes(gzip.compress(data) if mode == "w:gz" else data)
    assert "not a complete archive (bad checksum at the start of a member)" in refusal(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz"])
def test_a_damaged_byte_is_noticed(tmp_path: Path, name: str) -> None:
    files = {f"{n}.jpg": os.urandom(700) for n in range(30)}
    path = make_tar(tmp_path / name, files, MODES[name]) if name in MODES else make_zip(tmp_path / name, files)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert "not a complete archive" in refusal(path)


def test_memory_does_not_grow_with_the_members_of_a_tar(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", {f"train/cat/{n:06d}.jpg": b"x" * 4096 for n in range(5_000)})
    said, grown = memory(path)
    assert said == str(5_000 * 4096)
    assert grown < 15


def test_a_header_that_claims_a_map_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """GNU's sparse files of version 1.0 begin with a map."""
    path = tmp_path / "sparse.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a/s.png")
        claims = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1000"}
        member.pax_headers = claims
        archive.addfile(member)
    with pytest.raises(SourceError, match=r"^sparse.tar is not a complete archive \(.*\); copy or"):
        list(member_names(path))
