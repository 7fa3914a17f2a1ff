"""A mask in an image file: what its values or colours mean, and which of them mean nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.data.image_files import in_a_line, open_image, turned
from finetrail.data.store.raw import Unreadable
from finetrail.errors import ImageError, SourceError
from finetrail.targets.masks.label import regions_of
from finetrail.targets.masks.raster import label_of
from finetrail.targets.masks.reading import Mask
from finetrail.targets.masks.settings import MaskColumns
from finetrail.targets.masks.strays import stray_fault

if TYPE_CHECKING:
    from PIL.Image import Image

STRAY, IGNORE = -1, -2
"""Numbers of pixels whose value is of no class, and of those that `columns.ignore` names."""
WHITE = 255
Numbers = NDArray[np.int32]


def read_file(where: str, data: bytes, columns: MaskColumns) -> Mask | Unreadable:
    """The label in an image file; `Unreadable` with the reason where it is none.

    The file's own EXIF data turns it. Pixels of no class are ignored where the rule that finds them lets the row pass.

    Raises:
        SourceError: `columns` says neither what values nor what colours mean.
    """
    try:
        image = open_image(data)
        form, lossy = image.format, is_lossy(image, data)
        image.load()
        image = turned(image)
    except ImageError as error:
        return Unreadable(error)
    except Exception as error:  # noqa: BLE001  (the decoders raise a dozen types for a damaged file)
        return Unreadable(f"not a complete image ({type(error).__name__}: {in_a_line(error)})")
    known: NDArray[Any] | None
    if columns.palette is not None:
        pixels: NDArray[Any] = np.asarray(image.convert("RGB"))
        numbers, names, known = _by_colour(pixels, columns)
    else:
        values = _values(image)
        if columns.classes is None:
            raise _unnamed(where, image, values)
        if isinstance(values, str):
            return Unreadable(values)
        numbers, names, known = _by_value(values, columns)
        pixels = values[..., None]
    stray = numbers == STRAY
    faults: Mapping[str, str] = {"lossy_mask": f"{form} changes values"} if lossy else {}
    if stray.any():
        numbers[stray] = IGNORE
        faults = faults or stray_fault(pixels, stray, known)
    label = label_of(numbers, names)
    mask = Mask.of(label["width"], label["height"], regions_of(label), faults)
    mask.scaled = columns.palette is None and is_black_and_white(pixels, columns)
    return mask


def is_lossy(image: "Image", data: bytes) -> bool:
    """Whether a file does not keep the values of pixels as they were."""
    return image.format in ("JPEG", "MPO") or (image.format == "WEBP" and data[12:16] == b"VP8 ")


def is_black_and_white(values: NDArray[Any], columns: MaskColumns) -> bool:
    """Whether values are 0 and 255 where 0 and 1 are named, as many programs write a mask of two classes."""
    two = isinstance(columns.classes, tuple) and len(columns.classes) == 2 and not columns.instances
    return two and WHITE not in columns.ignore and WHITE // 2 < int(values.max(initial=0)) <= WHITE


def _values(image: "Image") -> NDArray[Any] | str:
    """The values (H, W) of an image, of a palette its places; a text that says why it has none."""
    values = np.asarray(image)
    if image.mode in ("LA", "PA"):
        values = values[..., 0]
    elif values.ndim == 3:
        if (values[..., :3] != values[..., :1]).any():
            return f"it is in colour (mode {image.mode}), where source.columns.classes names values"
        values = values[..., 0]
    if image.mode == "F" or values.min(initial=0) < 0 or values.max(initial=0) > 0xFFFF:
        return f"its values are not from 0 to 65,535 (mode {image.mode})"
    return values.astype(np.uint8) if values.dtype == np.bool_ else values


def _by_value(values: NDArray[Any], columns: MaskColumns) -> tuple[Numbers, dict[int, str | None], NDArray[Any] | None]:
    """A number for each class or object, their names, and which values to compare with those that mean nothing."""
    named, known = columns.values, None
    if is_black_and_white(values, columns):
        named = dict(zip((0, WHITE), named.values(), strict=True))
        known = np.array([[0], [WHITE]])
    table = np.full(int(values.max(initial=0)) + 1, STRAY, dtype=np.int32)
    names: dict[int, str | None] = {IGNORE: None}
    order = list(dict.fromkeys(named.values()))
    if columns.instances:
        table[1:] = np.arange(1, len(table))
        names |= dict.fromkeys(range(1, len(table)), named[1])
        named = {0: named[0]}
    for value, name in named.items():
        if value < len(table):
            table[value] = order.index(name)
    for ignored in columns.ignore:
        if isinstance(ignored, int) and ignored < len(table):
            table[ignored] = IGNORE
    names |= {number: name for number, name in enumerate(order) if number not in names}
    return table[values], names, known


def _by_colour(pixels: NDArray[Any], columns: MaskColumns) -> tuple[Numbers, dict[int, str | None], NDArray[Any]]:
    """The same of colours (H, W, 3)."""
    wide = pixels.astype(np.int32)
    packed = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    numbers = np.full(packed.shape, STRAY, dtype=np.int32)
    names: dict[int, str | None] = {IGNORE: None}
    for number, ((red, green, blue), name) in enumerate(columns.colours.items()):
        names[number] = name
        numbers[packed == (red << 16 | green << 8 | blue)] = IGNORE if name is None else number
    return numbers, names, np.array(list(columns.colours))


def _unnamed(where: str, image: "Image", values: NDArray[Any] | str) -> SourceError:
    if isinstance(values, str):
        return SourceError(
            f"{where}: the mask {values.partition(',')[0].removeprefix('it ')}, and source.columns does not say what "
            "its colours mean; set source.columns.palette, such as {background: [0, 0, 0], cell: [255, 0, 0]}"
        )
    found = np.unique(values).tolist()
    shown = ", ".join(map(str, found[:8])) + (", ..." if len(found) > 8 else "")
    return SourceError(
        f"{where}: the mask has the values {shown} (mode {image.mode}), and source.columns does not say what they "
        "mean; set source.columns.classes to their names from 0, such as [background, cell], or source.columns.palette"
    )
