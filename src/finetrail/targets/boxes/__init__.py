"""A label that is boxes around the objects in an image, each with its class; or none."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.annotated import Annotations
from finetrail.data.sources.coco import GIVEN
from finetrail.data.sources.columns import Record
from finetrail.data.sources.readers import RecordReader
from finetrail.data.sources.trees import Tree
from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.boxes.faults import FACTS, facts_of
from finetrail.targets.boxes.reading import Annotation, boxes_of, read_boxes
from finetrail.targets.boxes.rules import BoxRules
from finetrail.targets.boxes.settings import BoxColumns, BoxSlice, BoxTraining
from finetrail.targets.boxes.sources.coco import coco_records
from finetrail.targets.boxes.sources.tables import by_image
from finetrail.targets.boxes.sources.tree import annotations_of
from finetrail.targets.boxes.split import BoxStrata
from finetrail.targets.target import Target, json_list

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.evaluation.report.gallery import Shown
    from finetrail.targets.boxes.codec import BoxCodec
    from finetrail.targets.boxes.learning import BoxLearning

METRICS = (
    Metric("f1", "F1"),
    Metric("mar_100", "AR"),
    Metric("map_75", "AP75"),
    Metric("map_50", "AP50"),
    Metric("map", "mAP"),
)


class _Boxes(Target):
    """See `finetrail.targets.target.Target`."""

    name = "boxes"
    problem_type = "object_detection"
    noun = "object detection"
    metrics = METRICS
    resamples = 1000
    facts = FACTS
    in_place = True
    explains = False
    objects = True
    formats: Mapping[str, RecordReader] = {"coco": coco_records}
    endings: Mapping[str, str] = {".json": "coco"}
    Columns = BoxColumns
    Rules = BoxRules
    Training = BoxTraining
    Slice = BoxSlice
    strata = BoxStrata()

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        corners = dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), pa.float64())
        return pa.list_(pa.struct({"label": pa.string(), **corners, "crowd": pa.bool_()}))

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        return [facts_of(label) for label in labels]

    def annotations(self, tree: Tree, columns: Any, tell: Callable[[str], None]) -> Annotations:
        return annotations_of(tree, columns, tell)

    def prepared(self, records: Iterator[Record], columns: Any) -> Iterator[Record]:
        return records if columns.corners is None else by_image(records, columns)

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        return record, record[GIVEN] if GIVEN in record else record[columns.label]

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_boxes(where, value, columns.box, columns.classes)

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        return read_boxes(where, json_list(where, text), "xyxy", None)

    def key(self, label: Any) -> str:
        return json.dumps(sorted(boxes_of(label)), ensure_ascii=False)

    def said(self, label: Any, content: Any) -> str:
        return self.caption(label)

    def picture(self, label: Any, shown: "Shown", beside: Any = None) -> "Shown":
        from finetrail.targets.boxes.figures import boxes_figure

        return shown if label is None or not shown.address else replace(shown, drawn=boxes_figure(label, shown, beside))

    def caption(self, label: Any) -> str:
        """How many boxes of each class."""
        counts = Counter(box["label"] for box in label)
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"

    def names(self, label: Any) -> Iterable[str]:
        return [box["label"] for box in label]

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        made = [box._replace(label=names.get(box.label, box.label)) for box in boxes_of(label)]
        return Annotation.of(made, getattr(label, "drawn_on", None))

    def learn(self, labels: Sequence[Any], settings: Any) -> "BoxLearning":
        from finetrail.targets.boxes.codec import BoxCodec
        from finetrail.targets.boxes.learning import BoxLearning

        classes = tuple(sorted({box["label"] for label in labels for box in label}))
        if not classes:
            raise TrainingError(
                f"none of the {len(labels)} training images has a box: there is nothing to learn; add some"
            )
        return BoxLearning(BoxCodec(classes, settings.detector, settings.pyramid_width, settings.tower))

    def codec(self, described: Mapping[str, Any]) -> "BoxCodec":
        from finetrail.targets.boxes.codec import BoxCodec

        return BoxCodec(**{**described, "classes": tuple(described["classes"])})

    def learned(self, described: Mapping[str, Any]) -> "BoxLearning":
        from finetrail.targets.boxes.learning import BoxLearning

        return BoxLearning(self.codec(described))


BOXES = _Boxes()
