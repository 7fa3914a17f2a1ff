"""Labels that are regions of an image, each with its class: how they are read, written and compared."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.annotated import Annotations
from finetrail.data.sources.coco import GIVEN
from finetrail.data.sources.readers import RecordReader
from finetrail.data.sources.trees import Tree
from finetrail.errors import SourceError
from finetrail.targets.masks.faults import FACTS, facts_of
from finetrail.targets.masks.label import BACKGROUND, names_in, objects_in, regions_of
from finetrail.targets.masks.reading import Mask, is_regions, read_mask, read_regions
from finetrail.targets.masks.rules import MaskRules
from finetrail.targets.masks.settings import MaskColumns, MaskSlice
from finetrail.targets.masks.sources.coco import coco_records
from finetrail.targets.masks.sources.tree import annotations_of
from finetrail.targets.masks.split import MaskStrata
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.evaluation.report.gallery import Shown


class Regions(Target):
    """What all targets share whose labels are regions; see `finetrail.targets.target.Target`."""

    facts = FACTS
    in_place = True
    explains = False
    formats: Mapping[str, RecordReader] = {"coco": coco_records}
    endings: Mapping[str, str] = {".json": "coco"}
    Columns = MaskColumns
    Rules = MaskRules
    Slice = MaskSlice
    strata = MaskStrata()

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        region = pa.struct({"label": pa.string(), "counts": pa.string(), "crowd": pa.bool_()})
        return pa.struct({"width": pa.int64(), "height": pa.int64(), "regions": pa.list_(region)})

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        return [facts_of(label) for label in labels]

    def annotations(self, tree: Tree, columns: Any, tell: Callable[[str], None]) -> Annotations:
        return annotations_of(tree, columns, tell)

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        return record, record[GIVEN] if GIVEN in record else record[columns.label]

    def fetched(self, where: str, value: Any, fetch: Callable[[str, Any], Any]) -> Any:
        return value if isinstance(value, Mask) or is_regions(value) else fetch(f"{where}: mask", value)

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_mask(where, value, columns)

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        if not is_regions(text):
            raise SourceError(
                f"{where} holds {text[:60]!r}, but a mask is corrected as JSON: {{width, height, regions}}; write that"
            )
        return read_regions(where, text)

    def key(self, label: Any) -> str:
        """Its regions in one order, as JSON: equal pixels have equal run lengths."""
        if not isinstance(label, Mapping) or "regions" not in label:
            raise TypeError(f"no mask: {str(label)[:60]}")
        regions = sorted(regions_of(label), key=lambda one: (one.label or "", one.counts, one.crowd))
        made = {"width": label["width"], "height": label["height"], "regions": [one._asdict() for one in regions]}
        return json.dumps(made, ensure_ascii=False)

    def said(self, label: Any, content: Any) -> str:
        from finetrail.targets.masks.raster import areas_of

        objects = objects_in(label)
        areas = areas_of(objects, label["width"], label["height"])
        shares: Counter[str] = Counter()
        for region, area in zip(objects, areas, strict=True):
            shares[str(region.label)] += area
        pixels = label["width"] * label["height"]
        return "; ".join(f"{name} {shares[name] / pixels:.1%}" for name in sorted(shares)) or BACKGROUND

    def caption(self, label: Any) -> str:
        """How many regions of each class."""
        counts = sorted(Counter(str(region.label) for region in objects_in(label)).items())
        return ", ".join(f"{count} {name}" if count > 1 else name for name, count in counts) or BACKGROUND

    def picture(self, label: Any, shown: "Shown", beside: Any = None) -> "Shown":
        from finetrail.targets.masks.figures import overlay_figure

        drawn = label is not None and shown.address
        return replace(shown, drawn=overlay_figure(label, shown, beside)) if drawn else shown

    def names(self, label: Any) -> Iterable[str]:
        return names_in(label)

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        made = [one._replace(label=names.get(one.label or "", one.label)) for one in regions_of(label)]
        return Mask.of(label["width"], label["height"], made, getattr(label, "faults", None))
