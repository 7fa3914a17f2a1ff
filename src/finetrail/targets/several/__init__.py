"""A label that is several labels, each of a target with a name; a row may lack some of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError, TrainingError
from finetrail.evaluation.slices import Slice
from finetrail.targets.several.parts import chosen, known
from finetrail.targets.several.rules import rules_of
from finetrail.targets.several.settings import MEAN, columns_of, training_of
from finetrail.targets.several.strata import SeveralStrata
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.data.sources.columns import Record
    from finetrail.targets.several.codec import SeveralCodec
    from finetrail.targets.several.learning import SeveralLearning


class Several(Target):
    """See `finetrail.targets.target.Target`. Which targets they are, section `task` of params.yaml says.

    Args:
        targets: by name, sorted.
        kinds: that a target may be of: those with one label a row.
    """

    name = "several"
    problem_type = "multi_target"
    noun = "multi-target"
    Slice = Slice
    explains = False  # an answer has several parts, and a mistake may lie in any

    def __init__(self, targets: Mapping[str, Target], kinds: Sequence[Target]) -> None:
        self.targets, self.kinds = targets, kinds
        of_targets = [
            replace(metric, name=f"{name}.{metric.name}", title=f"{metric.title} of {name}")
            for name, target in targets.items()
            for metric in target.metrics
        ]
        self.metrics = (*of_targets, MEAN)
        self.resamples = min(target.resamples for target in targets.values())
        self.Columns = columns_of(targets)
        self.Rules = rules_of(targets)
        self.Training = training_of(targets, self.metrics)
        self.strata = SeveralStrata(targets)

    @property
    def joins(self) -> Mapping[str, str]:
        return {name: target.problem_type for name, target in self.targets.items()}

    @property
    def exported_problem(self) -> None:
        """Hugging Face has no word for it."""

    def of(self, targets: Mapping[str, str | None]) -> "Several":
        found = chosen(targets, self.kinds)
        return self if found == self.targets else Several(found, self.kinds)

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.struct([(name, target.arrow()) for name, target in self.targets.items()])

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        values = {}
        for name, target in self.targets.items():
            record, values[name] = target.given(where, record, getattr(columns.targets, name))
        return record, values

    def with_decimals(
        self, name: str, records: "Iterator[Record]", columns: Any, decimal: str, tell: Callable[[str], None]
    ) -> "Iterator[Record]":
        for of_target, target in self.targets.items():
            records = target.with_decimals(name, records, getattr(columns.targets, of_target), decimal, tell)
        return records

    def read(self, where: str, value: Any, columns: Any) -> Any:
        label = {
            name: target.read(f"{where}, target {name}", value[name], getattr(columns.targets, name))
            for name, target in self.targets.items()
        }
        # The store has room for one such value a row: it stands for the whole label, and a rule finds it.
        unread = [(name, one) for name, one in label.items() if isinstance(one, Unreadable)]
        if unread:
            return Unreadable(f"{unread[0][0]}: {unread[0][1]}")
        return label if any(one is not None for one in label.values()) else None

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        try:
            cells = json.loads(text)
        except ValueError:
            cells = None
        if not isinstance(cells, dict) or not {*cells} <= {*self.targets}:
            raise SourceError(
                f"{where} holds {text[:60]!r}, but a label of this task is written as a JSON object of labels by "
                f"target, of {', '.join(self.targets)}; write one"
            )
        found = {
            name: target.from_cell(f"{where}, target {name}", str(cells[name]), getattr(columns.targets, name))
            if name in cells
            else None
            for name, target in self.targets.items()
        }
        return found if any(one is not None for one in found.values()) else None

    def key(self, label: Any) -> str:
        if not isinstance(label, Mapping):
            raise TypeError(f"{label!r} is not a mapping of labels")
        return json.dumps({name: self.targets[name].key(one) for name, one in self._parts(label)}, ensure_ascii=False)

    def said(self, label: Any, content: Any) -> str:
        return "; ".join(f"{name}: {self.targets[name].said(one, content)}" for name, one in self._parts(label))

    def caption(self, label: Any) -> str:
        return "; ".join(f"{name}: {self.targets[name].caption(one)}" for name, one in self._parts(label))

    def names(self, label: Any) -> Iterable[str]:
        return [f"{name}: {one}" for name, part in self._parts(label) for one in self.targets[name].names(part)]

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        found = dict(label)
        for name, one in self._parts(label):
            start = f"{name}: "
            own = {
                old.removeprefix(start): new.removeprefix(start)
                for old, new in names.items()
                if old[: len(start)] == start
            }
            found[name] = self.targets[name].renamed(one, own)
        return found

    def learn(self, labels: Sequence[Any], settings: Any) -> "SeveralLearning":
        from finetrail.targets.several.codec import SeveralCodec
        from finetrail.targets.several.learning import SeveralLearning

        parts = {}
        for name, target in self.targets.items():
            _, of_target = known(labels, name)
            if not of_target:
                raise TrainingError(
                    f"none of the {len(labels)} training rows has a label of target {name!r}: it cannot be learned; "
                    "add some, or remove it from task.targets"
                )
            try:
                parts[name] = target.learn(of_target, getattr(settings.targets, name))
            except TrainingError as error:
                raise TrainingError(f"target {name!r}: {error}") from error
        codec = SeveralCodec(self.targets, {name: part.codec for name, part in parts.items()})
        balance = settings.loss if settings.only is None else "sum"
        return SeveralLearning(codec, parts, balance, settings.asymmetry, settings.only)

    def codec(self, described: Mapping[str, Any]) -> "SeveralCodec":
        from finetrail.targets.several.codec import SeveralCodec

        return SeveralCodec(
            self.targets, {name: target.codec(described["targets"][name]) for name, target in self.targets.items()}
        )

    def learned(self, described: Mapping[str, Any]) -> "SeveralLearning":
        from finetrail.targets.several.learning import SeveralLearning

        parts = {name: target.learned(described["targets"][name]) for name, target in self.targets.items()}
        return SeveralLearning(self.codec(described), parts)

    def _parts(self, label: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The labels that there are, in the order of the targets."""
        return [(name, label[name]) for name in self.targets if label.get(name) is not None]
