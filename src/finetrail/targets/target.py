"""The second of the three plugs: what is the label of a row? One folder per kind, which answers in four parts.

`Target` is light: config, ingest, validate and split read it. `Codec` knows how answers are written down and `Judge`
how good they are; `Learning` is the half that imports torch.

No code outside of `contents/`, `targets/` and `tasks/` names a kind.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.errors import ConfigError, SourceError, WorkspaceError
from finetrail.evaluation.scores.metric import Metric
from finetrail.settings import Settings
from finetrail.targets.options import Options

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.data.sources.annotated import Annotations
    from finetrail.data.sources.columns import Columns, Record
    from finetrail.data.sources.readers import RecordReader, TreeReader
    from finetrail.data.sources.trees import Tree
    from finetrail.data.splitting.settings import Strata
    from finetrail.data.store.content import Kind
    from finetrail.data.validation.rules import CommonRules
    from finetrail.evaluation.report.gallery import Shown
    from finetrail.evaluation.slices import Slice
    from finetrail.targets.codec import Codec
    from finetrail.targets.learning import Learning


class Training(Settings):
    """What section `train` of params.yaml says for every kind of target; each kind extends it.

    Attributes:
        loss: what training minimises; the kind's first by default.
        metric: the validation metric that picks the best evaluation; the last of its `training_metrics` by default.
    """

    loss: str
    metric: str


class Target(ABC):
    """A kind of label. It reads labels as `finetrail.data.sources.columns.LabelReader` asks.

    Attributes:
        name: of its folder.
        problem_type: Hugging Face's word for the kind of problem.
        noun: what messages call a model of this kind.
        metrics: in the order in which they are shown; the last is the one to choose by, and the one that is drawn.
        resamples: of intervals where params.yaml names no number; fewer where a metric takes long to compute.
        facts: the columns that it adds to the manifest, and their types.
        in_place: whether a label names places in its content, which must not move under it.
        objects: whether a label is a list of objects, so that a part of a content, or several in one, have labels too.
        formats, endings, trees: of files that have labels of this kind alone, and of folders of such.
        Columns, Rules, Training, Slice: its parts of the sections of params.yaml.
        strata: what a split keeps in proportion.
        Options: what a caller of a served model may ask for, beside the rows.
        offers: what adaptations may ask of labels.
        explains: whether one output of a model explains a mistake, so that gradients have something to start from.
        streams: whether a served answer can be told piece by piece.
    """

    name: str
    problem_type: str
    noun: str
    metrics: tuple[Metric, ...]
    resamples: int = 10_000
    facts: "Mapping[str, Kind]" = {}  # noqa: RUF012 - read only, by its type
    in_place: bool = False
    objects: bool = False
    formats: "Mapping[str, RecordReader]" = {}  # noqa: RUF012
    endings: Mapping[str, str] = {}
    trees: "Mapping[str, TreeReader]" = {}  # noqa: RUF012
    Columns: "type[Columns]"
    Rules: "type[CommonRules]"
    Training: "type[Training]"
    Slice: "type[Slice]"
    strata: "Strata"
    Options: type[Options] = Options
    offers: frozenset[str] = frozenset()
    explains: bool = True
    streams: bool = False

    @property
    def joins(self) -> Mapping[str, str]:
        """The kinds of problem of the targets that it joins, by name; empty for a kind that stands alone."""
        return {}

    def of(self, targets: Mapping[str, str | None]) -> "Target":
        """This kind for the targets that section `task` names.

        Args:
            targets: the kind of problem of each, by name, None for the first; empty where the section names none.

        Raises:
            ConfigError: this kind cannot be of these.
        """
        if targets:
            raise ConfigError(
                f"task.targets names {', '.join(targets)}, but this task has one target; remove targets, or use a task "
                "that has several, such as text-multi-target"
            )
        return self

    @property
    def exported_problem(self) -> str | None:
        """What an exported model says of its kind of problem; None for what other libraries have no word for."""
        return self.problem_type

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        """What may pick the best evaluation of a training, the default last: `metrics`, and what only it can know."""
        return self.metrics

    @abstractmethod
    def arrow(self) -> "pa.DataType":
        """How a label lies in Parquet."""

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each label, in their order."""
        return [{} for _ in labels]

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        """See `LabelReader.given`."""
        return record, record[columns.label]

    def fetched(self, where: str, value: Any, fetch: Callable[[str, Any], Any]) -> Any:
        """See `LabelReader.fetched`."""
        return value

    def prepared(self, records: "Iterator[Record]", columns: Any) -> "Iterator[Record]":
        """See `LabelReader.prepared`."""
        return records

    def annotations(self, tree: "Tree", columns: Any, tell: Callable[[str], None]) -> "Annotations | None":
        """See `LabelReader.annotations`."""
        return None

    def with_decimals(
        self, name: str, records: "Iterator[Record]", columns: Any, decimal: str, tell: Callable[[str], None]
    ) -> "Iterator[Record]":
        """See `LabelReader.with_decimals`."""
        return records

    @abstractmethod
    def read(self, where: str, value: Any, columns: Any) -> Any:
        """See `LabelReader.read`."""

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        """A label in a cell of data/corrections.csv: as `key` writes it, or as a cell of the source has it.

        Raises:
            SourceError: it is none.
        """
        return self.read(where, text, columns)

    @abstractmethod
    def key(self, label: Any) -> str:
        """A key that equal labels share: for duplicates, conflicts and hashes. Raises: TypeError: not a label."""

    def said(self, label: Any, content: Any) -> str:
        """A label of a row for people, in a line. Args: content: of that row."""
        return self.key(label)

    def caption(self, label: Any) -> str:
        """A label in a few words, below a training example of the report."""
        return self.key(label)

    def picture(self, label: Any, shown: "Shown", beside: Any = None) -> "Shown":
        """The content of a row with a label drawn on it; as it is where labels name no places in it.

        Args:
            label: None for none.
            beside: another label of the row; what it lacks is set off.
        """
        return shown

    def names(self, label: Any) -> Iterable[str]:
        """The names in a label, which people may spell in several ways; none by default."""
        return ()

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        """The label with other names. Args: names: the new name by the old; one that is not there stays."""
        return label

    @abstractmethod
    def learn(self, labels: Sequence[Any], settings: Any) -> "Learning":
        """Take from the training labels what a model must know.

        Args:
            settings: section `train`.

        Raises:
            TrainingError: nothing can be learned.
        """

    @abstractmethod
    def codec(self, described: Mapping[str, Any]) -> "Codec":
        """The codec that `Codec.described` described."""

    @abstractmethod
    def learned(self, described: Mapping[str, Any]) -> "Learning":
        """What a saved model learned: its codec, and how its outputs are read."""


def json_list(where: str, text: str) -> list[Any]:
    """A list in a cell of data/corrections.csv. Raises: SourceError: the cell holds none."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise SourceError(f"{where} holds {text[:60]!r}, but a label of this task is written as a JSON list; write one")
    return found


def metric_named(metrics: Sequence[Metric], name: str) -> Metric:
    """The metric of that name. Raises: WorkspaceError: there is none, so that the name comes from another task."""
    found = {metric.name: metric for metric in metrics}
    if name not in found:
        raise WorkspaceError(
            f"the results were chosen by {name!r}, but this task has {', '.join(found)}: they are of another task; run "
            "`dvc repro`"
        )
    return found[name]
