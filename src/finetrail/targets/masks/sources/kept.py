"""The masks of a tree, on disk until their images are read: run lengths of thousands of images take much memory."""

import json
from collections.abc import Iterator, MutableMapping
from tempfile import TemporaryFile
from typing import Any
from weakref import finalize

from finetrail.data.store.raw import Unreadable
from finetrail.targets.masks.reading import Mask


class KeptMasks(MutableMapping[str, "Mask | Unreadable | None"]):
    """Masks by the name of their image, in a file that is gone with it."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - it is closed with the last reference to this
        finalize(self, self._file.close)
        self._places: dict[str, tuple[int, int]] = {}

    def __setitem__(self, name: str, mask: "Mask | Unreadable | None") -> None:
        written: Any = [mask, dict(mask.faults)] if isinstance(mask, Mask) else mask
        data = json.dumps(written).encode()
        self._places[name] = self._file.seek(0, 2), len(data)
        self._file.write(data)

    def __getitem__(self, name: str) -> "Mask | Unreadable | None":
        start, length = self._places[name]
        self._file.seek(start)
        found = json.loads(self._file.read(length))
        if not isinstance(found, list):
            return None if found is None else Unreadable(found)
        mask = Mask(found[0])
        mask.faults = found[1]
        return mask

    def __delitem__(self, name: str) -> None:
        del self._places[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
