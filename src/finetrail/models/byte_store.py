"""Many byte strings as one block, or numbers: in memory if they are few, else in a mapped temporary file."""

import mmap
import os
from collections.abc import Iterable
from math import prod
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 64 * 2**20
"""Bytes up to which no file is needed."""
RESIDENT = 256 * 2**20
"""Bytes that may be read from the mapped file before the process lets go of its pages."""


def zeros(shape: tuple[int, ...], scratch: Path | None = None, in_memory: int = IN_MEMORY) -> NDArray[np.float32]:
    """Zeros, float32, to be written to: in memory if they are few, else in a mapped temporary file without a name.

    Args: see `Packed`.

    Raises:
        OSError: the disk is full.
    """
    size = 4 * prod(shape)
    if size <= in_memory:
        return np.zeros(shape, dtype=np.float32)
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=scratch) as file:
        os.posix_fallocate(file.fileno(), 0, size)  # a disk that is full later would end the process without a word
        return np.memmap(file, dtype=np.float32, mode="r+", shape=shape)


class Packed:
    """Byte strings, read by their number, in any order and from any thread.

    Args:
        parts: read one by one; at most the block itself stays in memory.
        scratch: the folder of the file; the system's own by default. The file has no name, so it is gone when the
            process ends, however it ends.
        in_memory: the most bytes to keep in memory; more go to the file.
        resident: bytes that may be read from the file before the process lets go of its pages.

    Raises:
        OSError: the disk is full.
    """

    def __init__(
        self,
        parts: Iterable[bytes | NDArray[np.uint8]],
        scratch: Path | None = None,
        in_memory: int = IN_MEMORY,
        resident: int = RESIDENT,
    ) -> None:
        ends = [0]
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
        with SpooledTemporaryFile(max_size=in_memory, dir=str(scratch) if scratch else None) as file:
            for part in parts:
                data = part.tobytes() if isinstance(part, np.ndarray) else part
                file.write(data)
                ends.append(ends[-1] + len(data))
            self._file: mmap.mmap | None = None
            if ends[-1] > in_memory:
                file.flush()
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._bytes = np.frombuffer(self._file, dtype=np.uint8)
            else:
                file.seek(0)
                self._bytes = np.frombuffer(file.read(), dtype=np.uint8)
        self._ends = np.array(ends, dtype=np.int64)
        self._read = 0
        self._resident = resident

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def in_memory(self) -> bool:
        """Whether the parts are in memory, and not in a file."""
        return self._file is None

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        """The bytes of one part: a view that must not be written to."""
        start, end = self._ends[number], self._ends[number + 1]
        self._let_go(int(end - start))
        return self._bytes[start:end]

    def _let_go(self, count: int) -> None:
        # Mapped pages count as this process's memory until it releases them; the system still caches them while it
        # has memory to spare.
        self._read += count
        if self._file is not None and self._read > self._resident and hasattr(mmap, "MADV_DONTNEED"):
            self._file.madvise(mmap.MADV_DONTNEED)
            self._read = 0
