"""Read the files of a zip or tar archive one by one, without unpacking it, and trust nothing that it declares.

Refused, with the member's name: names that lead out of the archive or appear twice, links and devices, encrypted
members, and anything that expands beyond the bounds below.
"""

import bz2
import errno
import gzip
import lzma
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from finetrail.data.sources.folders import MOST_BYTES
from finetrail.data.sources.layout import plain_name, shown
from finetrail.errors import SourceError

HEADER_BYTES = 2**20
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_DAMAGE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile),
    # What `zipfile` and `tarfile` let through: a header that contradicts itself, a name without a letter, and a
    # feature that they do not know. `make fuzz` looks for others.
    *(ValueError, OverflowError, IndexError, NotImplementedError),
)
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1


@dataclass(frozen=True)
class Bounds:
    """How far an archive may expand.

    Images are already compressed: a large file that expands a hundredfold is an attack, or not an image.

    Attributes:
        a_file, total: bytes per file, and of all files together.
        times: the largest expansion of a file, or of all together, beyond `free` bytes.
    """

    a_file: int = MOST_BYTES
    total: int = 2**40
    times: int = 100
    free: int = 64 * 2**20


BOUNDS = Bounds()


def member_names(path: Path) -> Iterator[str]:
    """Yield the names of all files in an archive, in its order; avoid reading their contents where possible.

    Raises:
        SourceError: the archive is damaged, or contains a refused member.
    """
    return (name for name, _ in _members(path, BOUNDS, read=False))


def read_members(path: Path, bounds: Bounds = BOUNDS) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file in an archive, in its order, one at a time. Raises: as `member_names`."""
    return _members(path, bounds, read=True)


class _Guard:
    """Counts what an archive yields, and stops it at the bounds."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self._name = path.name
        self._bounds = bounds
        self._packed = path.stat().st_size
        self._total = 0
        self._seen: set[str] = set()

    def admit(self, name: str, size: int, packed: int | None, fault: str | None) -> str:
        """Return the plain name of a file that may be read.

        Args:
            size: its declared bytes; packed: its bytes in the archive, if known.
            fault: why it is not a plain file; None if it is one.
        """
        plain = plain_name(self._name, name)
        if fault:
            raise SourceError(f"{self._name}: {plain!r} is {fault}; only plain files are read; repack without it")
        # One name in two spellings is two files here, and one on a Mac.
        spelled = unicodedata.normalize("NFC", plain)
        if not plain or spelled in self._seen:
            raise SourceError(f"{self._name}: the name {plain!r} appears twice; repack the archive with each file once")
        self._seen.add(spelled)
        most = self._bounds
        if not 0 <= size <= most.a_file:
            raise SourceError(
                f"{self._name}: {plain!r} has {size:,} bytes; a file may have at most {most.a_file:,}; remove it"
            )
        self._total += size
        if packed is not None and size > most.free and size > most.times * packed:
            raise self._bomb(f"{plain!r} expands", size, packed)
        if self._total > most.total or self._total > max(most.free, most.times * self._packed):
            raise self._bomb("it expands", self._total, self._packed)
        return plain

    def _bomb(self, what: str, size: int, packed: int) -> SourceError:
        return SourceError(
            f"{self._name}: {what} from {packed:,} to {size:,} bytes or more; at most {self._bounds.times} times "
            f"and {self._bounds.total:,} bytes are allowed; check where it comes from"
        )


class _Metered:
    """A stream that stops at the agreed size: a header can claim any number of further bytes."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name, self._left = file, name, HEADER_BYTES
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise SourceError(f"{self._name}: a header has more than {HEADER_BYTES:,} bytes; check where it comes from")
        return self._file.read(size)

    def allow(self, size: int) -> None:
        """Allow the contents of a member, and the header of the next."""
        self._left = size + HEADER_BYTES


class _Header(tarfile.TarInfo):
    """A member's header; if it is damaged or missing, `tarfile` would end as if it had read everything."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if bytes(buf) == bytes(tarfile.BLOCKSIZE):
                raise  # the end marker
            raise tarfile.ReadError(f"{error} at the start of a member" if buf else "no end marker") from error


def _members(path: Path, bounds: Bounds, *, read: bool) -> Iterator[tuple[str, bytes]]:
    with _one_error(path), path.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
        if start.startswith(b"PK"):
            yield from _zip_members(_Guard(path, bounds), file, read=read)
        elif opener is None:
            yield from _tar_members(path, file, "r:", _Guard(path, bounds), read=read)
        else:
            with opener(file) as expanded:
                yield from _tar_members(path, expanded, "r|", _Guard(path, bounds), read=read)


def _zip_members(guard: _Guard, file: IO[bytes], *, read: bool) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()[::-1]
        archive.filelist.clear()
        archive.NameToInfo.clear()
        while members:
            member = members.pop()  # free each one: the entries take more memory than all else
            folder = member.is_dir() or member.filename.endswith("\\")
            name = guard.admit(
                _zip_name(member), 0 if folder else member.file_size, member.compress_size, _zip_fault(member)
            )
            if folder:
                continue
            data = b""
            if read:
                # Given a size, it expands no more than the directory declares; the checksum then exposes a lie.
                with archive.open(member) as stream:
                    data = stream.read(member.file_size) if member.file_size else stream.read(1)
                if len(data) != member.file_size:
                    raise zipfile.BadZipFile(f"{name!r} does not have the size declared in the directory")
            yield name, data


def _zip_name(member: zipfile.ZipInfo) -> str:
    """Names are in code page 437 unless marked as UTF-8; macOS writes UTF-8 without marking it."""
    if not member.flag_bits & _UTF8_FLAG:
        try:
            return member.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return member.filename


def _zip_fault(member: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.flag_bits & _ENCRYPTED_FLAG:
        return "encrypted"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link" if kind == stat.S_IFLNK else "a device"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"compressed by method {member.compress_type}, not stored or deflated"
    return None


def _tar_members(path: Path, file: IO[bytes], mode: str, guard: _Guard, *, read: bool) -> Iterator[tuple[str, bytes]]:
    metered: Any = _Metered(file, path.name)
    with tarfile.open(fileobj=metered, mode=mode, tarinfo=_Header) as archive:  # type: ignore[call-overload]
        while (member := archive.next()) is not None:
            archive.members.clear()  # otherwise it keeps every header
            name = guard.admit(member.name, member.size, None, _tar_fault(member)) if not member.isdir() else ""
            metered.allow(member.size if name else 0)
            if name:
                data = archive.extractfile(member).read() if read else b""
                if read and len(data) != member.size:
                    raise tarfile.ReadError(f"{name!r} is cut off")
                yield name, data
    while file.read(2**20):  # to the end, where a compressed archive has its checksum
        pass


def _tar_fault(member: tarfile.TarInfo) -> str | None:
    if member.issym() or member.islnk():
        return f"a link to {shown(member.linkname)!r}"
    if member.issparse():
        return "a sparse file"
    return None if member.isreg() else "a device"


@contextmanager
def _one_error(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise SourceError(f"{path.name} is not a complete archive ({error}); copy or download it again") from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # which is a place before the file's start
            raise  # from the operating system, such as a missing permission
        raise SourceError(f"{path.name} is not a complete archive ({error}); copy or download it again") from error
