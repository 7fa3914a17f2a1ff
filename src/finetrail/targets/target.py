"""The second of the three plugs: what is the label of a row? One folder a kind, which answers in four parts.

`Target` is light: config, ingest, validate and split read it. `Codec` knows how answers are written down and `Judge`
how good they are; both need numpy alone, so that choosing and registering start without torch. `Learning` is the half
that imports torch: what a model learns, and how its outputs become answers.

Nobody outside of `contents/`, `targets/` and `tasks/` names a kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from finetrail.evaluation.scores.metric import Metric, Point
from finetrail.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from markupsafe import Markup
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from finetrail.data.sources.columns import Columns, Record, RecordReader
    from finetrail.data.splitting.settings import Strata
    from finetrail.data.store.content import Kind
    from finetrail.data.validation.rules import CommonRules
    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story
    from finetrail.evaluation.scores.bootstrap import Draws, Interval
    from finetrail.evaluation.slices import Slice
    from finetrail.models.inputs import Inputs, Targets
    from finetrail.models.network import Batch, Network

    Right = NDArray[np.bool_]
    """Whether a model is right, one a row (n,)."""
    Kept = NDArray[np.float32] | list[NDArray[np.float32]]
    """What is kept of a model's outputs: one array an example; of arrays of one shape all together (N, ...)."""

Answers = Any
"""A model's answers to rows, in their order, as a kind of target has them: it has a length and takes a mask of rows."""
Loss = Callable[["Tensor", "Batch"], "Tensor"]
"""Maps outputs (B, ..., K) and the batch that they come from, with its targets, to the mean loss of its examples."""


class Training(Settings):
    """What section `train` of params.yaml says for every kind of target; each kind extends it.

    Attributes:
        loss: what training makes small; the kind's first by default.
        metric: the validation metric that picks the best evaluation; the kind's last by default.
    """

    loss: str
    metric: str


class Target(ABC):
    """A kind of label. It reads labels as `finetrail.data.sources.columns.LabelReader` asks.

    Attributes:
        name: of its folder.
        problem_type: Hugging Face's word for the kind of problem.
        noun: what is said of a model of this kind in messages.
        metrics: in the order in which they are shown; the last is the one to choose by, and the one that is drawn.
        answers: the columns of a registered model's answers, and their types; see `finetrail.serving.answer_types`.
        facts: the columns that it adds to the manifest, and their types.
        formats, endings: of files that have labels of this kind alone.
        Columns, Rules, Training, Slice: its parts of the sections of params.yaml.
        strata: what a split keeps in proportion.
    """

    name: str
    problem_type: str
    noun: str
    metrics: tuple[Metric, ...]
    answers: Mapping[str, str]
    facts: "Mapping[str, Kind]" = {}  # noqa: RUF012 - read only, by its type
    formats: "Mapping[str, RecordReader]" = {}  # noqa: RUF012
    endings: Mapping[str, str] = {}
    Columns: "type[Columns]"
    Rules: "type[CommonRules]"
    Training: "type[Training]"
    Slice: "type[Slice]"
    strata: "Strata"

    @abstractmethod
    def arrow(self) -> "pa.DataType":
        """How a label lies in Parquet."""

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each label, in their order."""
        return [{} for _ in labels]

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        """See `LabelReader.given`."""
        return record, record[columns.label]

    def prepared(self, records: "Iterator[Record]", columns: Any) -> "Iterator[Record]":
        """See `LabelReader.prepared`."""
        return records

    @abstractmethod
    def read(self, where: str, value: Any, columns: Any) -> Any:
        """See `LabelReader.read`."""

    @abstractmethod
    def key(self, label: Any) -> str:
        """What equal labels have in common: for duplicates, conflicts and hashes. Raises: TypeError: it is no label."""

    @abstractmethod
    def learn(self, labels: Sequence[Any], settings: Any) -> "Learning":
        """Take from the training labels what a model has to know.

        Args:
            settings: section `train`.

        Raises:
            TrainingError: nothing can be learned.
        """

    @abstractmethod
    def codec(self, described: Mapping[str, Any]) -> "Codec":
        """The codec that `Codec.described` told of."""

    @abstractmethod
    def learned(self, described: Mapping[str, Any]) -> "Learning":
        """What a saved model learned: its codec, and how its outputs are read."""


class Codec(Protocol):
    """How a model's answers are written down and read, in files and in what is served.

    Attributes:
        outputs: the names of the K outputs of the head, in their order.
    """

    @property
    def outputs(self) -> list[str]: ...

    @property
    def judge(self) -> "Judge":
        """Judges answers of this codec."""
        ...

    def described(self) -> dict[str, Any]:
        """What `Target.codec` needs, as JSON: in model.json and metrics.json."""
        ...

    def unknown(self, labels: Sequence[Any]) -> str:
        """What of these labels the model does not know, in a few words; empty where it knows all."""
        ...

    def broken(self, answers: Answers) -> "Right":
        """Which answers are NaN or infinite (n,)."""
        ...

    def columns(self, answers: Answers) -> dict[str, Any]:
        """The columns of predictions.parquet, typed, from which `read` gets the same answers."""
        ...

    def read(self, frame: "pd.DataFrame") -> Answers:
        """Answers out of a predictions.parquet. Raises: ValueError: it holds none of this codec."""
        ...

    def say(self, answers: Answers) -> dict[str, Any]:
        """The columns of a served answer, as `Target.answers` names them."""
        ...

    def apart(self, one: Answers, other: Answers) -> "NDArray[np.float64]":
        """How far two answers to a row lie apart (n,); infinite where one cannot be mistaken for the other."""
        ...

    def scale(self, answers: Answers) -> float:
        """What `apart` is to be compared with: 1, or the size of the largest answer."""
        ...

    def shown(self, answers: Answers, row: int) -> str:
        """The answer to a row, for a message."""
        ...

    def refuse_others(self, champion: Any) -> None:
        """Raise RefusedError where a champion knows other labels than this challenger; the message says which."""
        ...

    def aligned(self, answers: Answers, own: Any) -> Answers:
        """Answers of this codec as `own` would have them, which knows the same labels."""
        ...

    def snippet(self, names: str) -> str:
        """Python that prints answers from `logits`, for a model card. Args: names: Python for the outputs' names."""
        ...

    def about(self) -> list[str]:
        """What a model card says of the labels, in sentences of Markdown."""
        ...


class Judge(Protocol):
    """How good answers are. Numpy alone.

    Attributes:
        by_group: whether intervals are drawn by whole groups of rows, where there are groups.
    """

    @property
    def by_group(self) -> bool: ...

    def facts(self, labels: Sequence[Any], answers: Answers) -> "NDArray[Any]":
        """What the metrics need to know of each row (n, S); see `finetrail.evaluation.scores.bootstrap`."""
        ...

    def scores(self, facts: "NDArray[Any]", drawn: "NDArray[np.int64]") -> "dict[str, NDArray[np.float64]]":
        """Every metric (R,), from facts (D, S) of which each was drawn so often (R, D)."""
        ...

    def right(self, labels: Sequence[Any], answers: Answers) -> "Right | None":
        """Which rows are answered rightly (n,); None where a row is not right or wrong."""
        ...

    def constant(self, labels: Sequence[Any]) -> Answers:
        """The answer that serves these rows best if all get the same: the rival of a first champion."""
        ...

    def groups(self, labels: Sequence[Any], answers: Answers) -> "Mapping[str, tuple[Right, Right]]":
        """Shares of right answers that the gate judges apart, by name: which rows count (n,), and which are right."""
        ...

    def errors(self, labels: Sequence[Any], answers: Answers) -> "Mapping[str, float]":
        """What the gate bounds besides, such as a calibration error, by name; the lower the better."""
        ...

    def evaluate(
        self, rows: "pd.DataFrame", answers: Answers, draws: "Draws", trained: Mapping[str, Any]
    ) -> "Evaluation":
        """All that a report shows.

        Args:
            rows: id and label of each, and group where there are groups.
            trained: the metrics.json of the training.
        """
        ...

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        """What a model card says of a test's metrics.json besides the metrics, in paragraphs of Markdown."""
        ...

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        """What a user of the model should be warned of, in sentences."""
        ...


class Evaluation(Protocol):
    """A model's answers to a split, measured.

    Attributes:
        metrics: the kind's, in its order, with intervals.
        more: further values for metrics.json, beside them.
        wanted: ids of the rows whose contents the report shows.
    """

    @property
    def metrics(self) -> "Mapping[str, Interval]": ...

    @property
    def more(self) -> Mapping[str, float]: ...

    @property
    def wanted(self) -> set[str]: ...

    def story(self, gallery: "Gallery") -> "Story":
        """What the report says."""
        ...

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        """The worst mistakes, for errors.csv."""
        ...

    def plots(self) -> "Mapping[str, Markup]":
        """The figures that `dvc plots` shows and compares, by name."""
        ...

    def logged(self) -> Mapping[str, float]:
        """What MLflow shows besides the metrics."""
        ...


class Learning(Protocol):
    """What a model learns of the labels, and how its outputs become answers. Imports torch."""

    @property
    def codec(self) -> Codec: ...

    def head(self, width: int) -> "nn.Module":
        """A new head: maps features (B, ..., `width`) to outputs (B, ..., K)."""
        ...

    def encode(self, labels: Sequence[Any], inputs: "Inputs") -> "Targets":
        """The targets of a split. Args: inputs: its contents, encoded; targets follow what became of them."""
        ...

    def loss(self, settings: Any, labels: Sequence[Any]) -> Loss:
        """The mean loss of a batch. Args: settings: section `train`; labels: of the training rows."""
        ...

    def keep(self, outputs: "Tensor", batch: "Batch") -> "Kept":
        """What is kept of outputs (B, ..., K): for each example an array, all of one shape or of any length."""
        ...

    def answers(self, kept: "Kept", inputs: "Inputs") -> Answers:
        """The answers to the rows, from what was kept of all examples."""
        ...

    def score(self, kept: "Kept", inputs: "Inputs", labels: Sequence[Any], *, finished: bool = False) -> Point:
        """Loss and metrics of a split.

        Args:
            finished: whether the model answers as it is served; see `finish`.
        """
        ...

    def finish(self, model: "Network") -> None:
        """Make a trained model, whose adaptation is merged, answer as it is served."""
        ...

    def fitted(self, kept: "Kept", inputs: "Inputs", labels: Sequence[Any]) -> "Learning":
        """The same with what a finished model's answers to the validation rows decide, such as thresholds."""
        ...


def metric_named(metrics: Sequence[Metric], name: str) -> Metric:
    """The metric of that name."""
    return next(one for one in metrics if one.name == name)
