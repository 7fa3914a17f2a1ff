"""Where the images of a split are kept between batches: decoded once, or encoded until they are asked for."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from finetrail.contents.image.views import Pixels
from finetrail.errors import ImageError
from finetrail.models.byte_store import IN_MEMORY, RESIDENT, Packed

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 64
"""How many images the threads work on at a time."""


@dataclass(frozen=True)
class Limits:
    """Sizes from which images are kept or decoded in another way; the pixels stay the same.

    Attributes:
        decoded: bytes of decoded images that are kept; a split of more is kept encoded. It depends on nothing but the
            data and the settings.
        threaded: encoded bytes from which an image is worth a thread: below, threads wait for each other longer than
            they decode.
        in_memory, resident: see `Packed`.
    """

    decoded: int = 2 * 2**30
    threaded: int = 16 * 2**10
    in_memory: int = IN_MEMORY
    resident: int = RESIDENT


LIMITS = Limits()


class Kept(Protocol):
    """Decoded images (H, W, 3), by number."""

    def __len__(self) -> int: ...

    def take(self, numbers: Sequence[int]) -> list[Pixels]:
        """The images of these numbers; callers must not write to them."""
        ...


class Decoded:
    """Every image decoded once, side by side in memory or in a mapped file.

    Args:
        values: encoded images, taken one by one.
        view: decodes one of them.
        scratch: see `Packed`.

    Raises:
        ImageError: a value is not a whole image; the message has its number.
    """

    def __init__(
        self, values: Iterable[bytes], view: Callable[[bytes], Pixels], scratch: Path | None, limits: Limits = LIMITS
    ) -> None:
        self._shapes: list[tuple[int, ...]] = []
        packed = self._decode(values, view, limits.threaded)
        self._packed = Packed(packed, scratch, limits.in_memory, limits.resident)

    def __len__(self) -> int:
        return len(self._shapes)

    def take(self, numbers: Sequence[int]) -> list[Pixels]:
        return [self._packed[number].reshape(self._shapes[number]) for number in numbers]

    def _decode(self, values: Iterable[bytes], view: Callable[[bytes], Pixels], threaded: int) -> Iterator[Pixels]:
        for image in _each(_named(view), enumerate(values), lambda numbered: len(numbered[1]), threaded):
            self._shapes.append(image.shape)
            yield image


class Encoded:
    """Images that would take too much space decoded: each batch decodes its own, with as many threads as cores.

    Args: as for `Decoded`.
    """

    def __init__(
        self, values: Iterable[bytes], view: Callable[[bytes], Pixels], scratch: Path | None, limits: Limits = LIMITS
    ) -> None:
        self._packed = Packed(values, scratch, limits.in_memory, limits.resident)
        self._view, self._threaded = _named(view), limits.threaded

    def __len__(self) -> int:
        return len(self._packed)

    def take(self, numbers: Sequence[int]) -> list[Pixels]:
        encoded = ((number, self._packed[number].tobytes()) for number in numbers)
        return list(_each(self._view, encoded, lambda numbered: len(numbered[1]), self._threaded))


def _each(
    function: Callable[[Item], Result], items: Iterable[Item], size: Callable[[Item], int], threaded: int
) -> Iterator[Result]:
    """`map`, in the order of the items, a few at a time, in threads where their mean size is at least `threaded`."""
    remaining = iter(items)
    while some := list(islice(remaining, AT_ONCE)):
        if sum(map(size, some)) >= threaded * len(some):
            yield from _threads().map(function, some)
        else:
            yield from map(function, some)


def _named(view: Callable[[bytes], Pixels]) -> Callable[[tuple[int, bytes]], Pixels]:
    def decode(numbered: tuple[int, bytes]) -> Pixels:
        number, data = numbered
        try:
            return view(data)
        except ImageError as error:
            raise ImageError(f"image {number}, counted from 0: {error}") from error

    return decode


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
