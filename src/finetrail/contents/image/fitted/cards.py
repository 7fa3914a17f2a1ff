"""The code on the card of an exported model that names places in whole images."""

from dataclasses import dataclass
from textwrap import indent

from finetrail.contents.exported import Asking, Exported, Snippet
from finetrail.contents.image.export_asked import NOTE, OPENED, laid_out
from finetrail.contents.image.fitted.views import paint
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.told import Told


@dataclass(frozen=True)
class Runtime:
    """What runs an export.

    Attributes:
        library: its Hugging Face name.
        packages: what it needs, beside numpy and pillow.
        opens: Python that loads the model.
        called: Python for what the model gives, as numpy has it, from `pixels` (1, 3, S, S).
        normalised: whether `pixels` are; else they are 0..1.
    """

    library: str
    packages: tuple[str, ...]
    opens: str
    called: str
    normalised: bool = True


def exported(own: Preprocessing, told: Told, runtime: Runtime) -> Exported:
    """What the card says."""
    (wide, high), place = own.canvas, "stretched to" if own.stretch else "in the upper left corner of"
    reads = f"It sees a whole image, {place} {wide} x {high} pixels, one image at a time."
    packages = (*runtime.packages, "numpy", "pillow")
    return Exported(
        runtime.library, packages, _snippet(own, told, runtime), reads, Asking(laid_out, kept=told.kept), NOTE
    )


def _snippet(own: Preprocessing, told: Told, runtime: Runtime) -> Snippet:
    (wide, high), method = own.canvas, own.interpolation.upper()
    pixels = 'numpy.asarray(canvas, dtype="float32") / 255'
    if runtime.normalised:
        pixels = f"({pixels} - {list(own.mean)}) / {list(own.std)}"
    fitted = f"    fitted = {wide}, {high}\n" if own.stretch else _largest(wide, high)
    modules = ", ".join(one for one in ("numpy", *runtime.packages) if one != "safetensors")
    loads = "from safetensors.torch import load_file\n" if "safetensors" in runtime.packages else ""
    opens = f"""import json
import {modules}
from PIL import Image, ImageOps
{loads}
def view(path):
    image = {OPENED}
{fitted}    canvas = Image.new("RGB", {wide, high}, {paint(own)})
    canvas.paste(image.resize(fitted, Image.Resampling.{method}))
    pixels = {pixels}
    return pixels.astype("float32").transpose(2, 0, 1)[None], image.size, fitted

{runtime.opens}
labels = json.load(open("labels.json", encoding="utf-8"))
"""
    answers = f"""found = []
for path in paths:
    pixels, size, fitted = view(path)
    {", ".join(told.names)} = {runtime.called}
{indent(told.code, "    ")}"""
    return Snippet(opens, "paths", '["image.png"]', answers, outputs="found")


def _largest(wide: int, high: int) -> str:
    """The code that fits an image into a canvas of this width and height."""
    return f"""    width, height = image.size
    if width * {high} >= height * {wide}:
        fitted = {wide}, max(1, round(height * {wide} / width))
    else:
        fitted = max(1, round(width * {high} / height)), {high}
"""
