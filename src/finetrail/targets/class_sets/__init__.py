"""Labels that are sets of classes: a row has any number of them, also none (multi-label classification)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.errors import SourceError, TrainingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.class_sets.reading import from_columns, read
from finetrail.targets.class_sets.rules import SetRules
from finetrail.targets.class_sets.settings import SetColumns, SetSlice, SetTraining
from finetrail.targets.class_sets.split import SetStrata
from finetrail.targets.class_sets.thresholds import DEFAULT
from finetrail.targets.named_options import NamedOptions
from finetrail.targets.target import Target, json_list

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.targets.class_sets.codec import SetCodec
    from finetrail.targets.class_sets.learning import SetLearning

METRICS = (
    Metric("subset_accuracy", "subset accuracy"),
    Metric("hamming_loss", "Hamming loss", lower=True),
    Metric("samples_f1", "sample F1"),
    Metric("micro_f1", "micro F1"),
    Metric("macro_f1", "macro F1"),
    Metric("mean_average_precision", "mAP"),
)


class _ClassSets(Target):
    """See `finetrail.targets.target.Target`."""

    name = "class_sets"
    problem_type = "multi_label_classification"
    noun = "multi-label classification"
    metrics = METRICS
    resamples = 1000
    Columns = SetColumns
    Rules = SetRules
    Training = SetTraining
    Slice = SetSlice
    strata = SetStrata()
    Options = NamedOptions
    offers = frozenset({"soft labels"})

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.list_(pa.string())

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        if isinstance(columns.label, str):
            return record, record[columns.label]
        return record, {name: record[name] for name in columns.label}

    def read(self, where: str, value: Any, columns: Any) -> Any:
        if isinstance(value, dict) and not isinstance(columns.label, str):
            return from_columns(where, value, columns.label)
        return _named(where, read(where, value, columns.delimiter), columns)

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        if not text.lstrip().startswith("["):
            return self.read(where, text, columns)
        label = _named(where, read(where, json_list(where, text), None), columns)
        strange = [] if isinstance(columns.label, str) else sorted({*(label or ())} - {*columns.label})
        if strange:
            known = ", ".join(columns.label)
            raise SourceError(f"{where} holds {strange[0]!r}, but the columns of the classes are {known}; use these")
        return label

    def said(self, label: Any, content: Any) -> str:
        return ", ".join(label) or "none"

    def key(self, label: Any) -> str:
        return json.dumps(sorted(label), ensure_ascii=False)

    def names(self, label: Any) -> Iterable[str]:
        return tuple(label)

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        return sorted({names.get(name, name) for name in label})

    def learn(self, labels: Sequence[Any], settings: Any) -> "SetLearning":
        from finetrail.targets.class_sets.codec import SetCodec
        from finetrail.targets.class_sets.learning import SetLearning

        names = tuple(sorted({name for label in labels for name in label}))
        if not names:
            raise TrainingError(
                f"none of the {len(labels)} training rows has a class: there is nothing to learn; "
                "add rows that have one"
            )
        return SetLearning(SetCodec(names, (DEFAULT,) * len(names)))

    def codec(self, described: Mapping[str, Any]) -> "SetCodec":
        from finetrail.targets.class_sets.codec import SetCodec

        # Models of earlier versions have no scales.
        scales = (tuple(described.get(name, ())) for name in ("slopes", "shifts"))
        return SetCodec(tuple(described["labels"]), tuple(described["thresholds"]), *scales)

    def learned(self, described: Mapping[str, Any]) -> "SetLearning":
        from finetrail.targets.class_sets.learning import SetLearning

        return SetLearning(self.codec(described))


def _named(where: str, found: tuple[str, ...] | None, columns: SetColumns) -> tuple[str, ...] | None:
    return found and tuple(sorted({columns.name_of(where, name) for name in found}))


CLASS_SETS = _ClassSets()
