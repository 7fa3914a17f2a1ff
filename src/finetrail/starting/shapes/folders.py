"""A folder or an archive with a folder for each class, of images or of text files."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetrail.data.image_files import upright_size
from finetrail.data.sources.annotated import is_image
from finetrail.data.sources.folders import read_file
from finetrail.data.sources.layout import find_layout, folders_of
from finetrail.errors import SourceError
from finetrail.starting.looking import Data
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.splitting import divided, kept

_LEAST_SHARE = 0.8
"""Of the files that must be of the kind."""
_LOOKED_AT = 50
_SMALL = 32  # pixels


class _Images(Shape):
    task = ("image-classification", None)
    recipe = "imagefolder-mobilenet"
    looks = "a folder with a sub-folder of images for each class"
    noun = "images"

    def accepts(self, name: str) -> bool:
        """Whether a file of this name is an example."""
        return is_image(name)

    def recognise(self, data: Data) -> Seen | None:
        accepted = [name for name in data.names if self.accepts(name)]
        if not accepted or len(accepted) < _LEAST_SHARE * len(data.names):
            return None
        above = {name: folders_of(name)[0] for name in accepted}
        try:
            layout = find_layout(data.name, above.values(), None)
        except SourceError:
            return None
        classes: Counter[str] = Counter()
        official: Counter[str] = Counter()
        for folders in above.values():
            label, split = layout.place(folders) or (None, None)
            if label is not None:
                classes[label] += 1
                official.update([split] if split else [])
        if len(classes) < 2:
            return None
        named = ", ".join(f"{name!r} {rows}" for name, rows in classes.most_common(6))
        more = f" and {len(classes) - 6} more" if len(classes) > 6 else ""
        said = [f"{data.name}: {len(accepted)} {self.noun} in {len(classes)} class folders: {named}{more}"]
        if official:
            said.append("  official splits: " + ", ".join(f"{name} {rows}" for name, rows in official.items()))
        return Seen(said, sum(classes.values()), classes, official, self._sizes(data, accepted))

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield Choice(
            ("source", "path"), data.place, "the folders name the classes" + " and the splits" * bool(seen.official)
        )
        yield from divided(seen)
        yield from kept(seen.classes)
        side = min(seen.facts, default=_SMALL)
        if side < _SMALL:
            size = {"policy": "quarantine", "min_width": side, "min_height": side}
            yield Choice(("validation", "size"), size, f"the smallest of those looked at has {side} pixels")

    def _sizes(self, data: Data, accepted: list[str]) -> Any:
        """The shorter sides of some images."""
        step = max(1, len(accepted) // _LOOKED_AT)
        if not data.path.is_dir():
            return []
        sizes = (upright_size(read_file(data.path / name, name)) for name in accepted[::step])
        return [min(size) for size in sizes if size]


class _Texts(_Images):
    task = ("text-classification", None)
    recipe = "own-table"
    looks = "a folder with a sub-folder of .txt files for each class"
    noun = "text files"

    def accepts(self, name: str) -> bool:
        return name.lower().endswith((".txt", ".text"))

    def _sizes(self, data: Data, accepted: list[str]) -> Any:
        return []


SHAPES = (_Images(), _Texts())
