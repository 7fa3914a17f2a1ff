"""A label that is one of several classes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.classes.reading import read_class
from finetrail.targets.classes.rules import ClassRules
from finetrail.targets.classes.settings import ClassSlice, ClassTraining, LabelColumns
from finetrail.targets.classes.strata import ClassStrata
from finetrail.targets.named_options import NamedOptions
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.targets.classes.codec import ClassCodec
    from finetrail.targets.classes.learning import ClassLearning

METRICS = (
    Metric("accuracy", "accuracy"),
    Metric("macro_precision", "macro precision"),
    Metric("macro_recall", "macro recall"),
    Metric("macro_f1", "macro F1"),
)


class _Classes(Target):
    """See `finetrail.targets.target.Target`."""

    name = "classes"
    problem_type = "single_label_classification"
    noun = "classification"
    metrics = METRICS
    Columns = LabelColumns
    Rules = ClassRules
    Training = ClassTraining
    Slice = ClassSlice
    strata = ClassStrata()
    offers = frozenset({"one class a row", "soft labels"})
    Options = NamedOptions

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.string()

    def read(self, where: str, value: Any, columns: Any) -> Any:
        found = read_class(where, value)
        return None if found is None else columns.name_of(where, found)

    def key(self, label: Any) -> str:
        if not isinstance(label, str):
            raise TypeError(f"{label!r} is not a class")
        return label

    def names(self, label: Any) -> Iterable[str]:
        return (self.key(label),)

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        return names.get(label, label)

    def learn(self, labels: Sequence[Any], settings: Any) -> "ClassLearning":
        from finetrail.targets.classes.codec import ClassCodec
        from finetrail.targets.classes.learning import ClassLearning

        codec = ClassCodec(tuple(sorted(set(labels))))
        return ClassLearning(codec, coverage=settings.coverage, error_rate=settings.error_rate)

    def codec(self, described: Mapping[str, Any]) -> "ClassCodec":
        from finetrail.targets.classes.codec import STATED, ClassCodec

        # Models of earlier versions have their labels alone.
        own = {name: described[name] for name in ("temperature", *STATED) if name in described}
        return ClassCodec(tuple(described["labels"]), **own)

    def learned(self, described: Mapping[str, Any]) -> "ClassLearning":
        from finetrail.targets.classes.learning import ClassLearning

        return ClassLearning(self.codec(described))


CLASSES = _Classes()
