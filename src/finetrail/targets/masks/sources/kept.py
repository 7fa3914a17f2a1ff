"""The masks of a tree, on disk until their images are read: run lengths of thousands of images take much memory."""

import json
from collections.abc import Iterator, MutableMapping, Sequence
from tempfile import TemporaryFile
from typing import Any
from weakref import finalize

from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError
from finetrail.targets.masks.label import names_in, regions_of
from finetrail.targets.masks.reading import Mask

Kept = Mask | Unreadable | None


class KeptMasks(MutableMapping[str, Kept]):
    """Masks by the name of their image, in a file that is gone with it. A second mask of an image joins the first."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - it is closed with the last reference to this
        finalize(self, self._file.close)
        self._places: dict[str, list[tuple[int, int]]] = {}

    def __setitem__(self, name: str, mask: Kept) -> None:
        written: Any = [mask, dict(mask.faults)] if isinstance(mask, Mask) else mask
        data = json.dumps(written).encode()
        self._places.setdefault(name, []).append((self._file.seek(0, 2), len(data)))
        self._file.write(data)

    def __getitem__(self, name: str) -> Kept:
        found = [self._read(*place) for place in self._places[name]]
        return found[0] if len(found) == 1 else joined(name, found)

    def parts(self, name: str) -> int:
        """How many masks an image has."""
        return len(self._places[name])

    def _read(self, start: int, length: int) -> Kept:
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


def joined(image: str, masks: Sequence[Kept]) -> Kept:
    """The files of an image as one label. A file with several classes says of all pixels what they are.

    Raises:
        SourceError: so says one of them, and the others are too many.
    """
    unread = next((mask for mask in masks if not isinstance(mask, Mask)), None)
    if unread is not None:
        return unread
    found = [mask for mask in masks if isinstance(mask, Mask)]
    most = max(found, key=lambda mask: len(names_in(mask)))
    if len(names_in(most)) > 1:
        raise SourceError(
            f"{image!r} has {len(found)} masks, and one of them has the classes {' and '.join(names_in(most)[:2])}; "
            "put all that is in the image into one, or give a file for each object or class"
        )
    sizes = sorted({(mask["width"], mask["height"]) for mask in found})
    if len(sizes) > 1:
        return Unreadable(
            f"its files have {len(sizes)} sizes: {' and '.join(f'{w} x {h}' for w, h in sizes[:2])} pixels"
        )
    faults = {rule: said for mask in found for rule, said in mask.faults.items()}
    return Mask.of(*sizes[0], [region for mask in found for region in regions_of(mask)], faults)
