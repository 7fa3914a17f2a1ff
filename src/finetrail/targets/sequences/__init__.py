"""A label that is a text to write: a summary, a translation, an assistant's turn."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.data.canonical import canonical
from finetrail.data.sources.columns import Columns as AnyColumns
from finetrail.data.sources.readers import RecordReader, TreeReader
from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import Slice
from finetrail.targets.sequences.options import WritingOptions
from finetrail.targets.sequences.po import po_files, read_po
from finetrail.targets.sequences.reading import given, parallel_files, read_parallel, read_text
from finetrail.targets.sequences.rules import FACTS, CompletionRules, SequenceRules, facts_of
from finetrail.targets.sequences.settings import (
    CompletionTraining,
    SequenceColumns,
    SummaryTraining,
    TranslationTraining,
)
from finetrail.targets.sequences.strata import LengthStrata
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.targets.sequences.codec import SequenceCodec
    from finetrail.targets.sequences.learning import SequenceLearning

METRICS = (
    Metric("exact_match", "exact match"),
    Metric("rouge1", "ROUGE-1"),
    Metric("rouge2", "ROUGE-2"),
    Metric("bleu", "BLEU"),
    Metric("rougeL", "ROUGE-L"),
    Metric("chrf", "chrF"),
)


def with_last(name: str) -> tuple[Metric, ...]:
    """The metrics, one of them last."""
    return tuple(sorted(METRICS, key=lambda one: one.name == name))


class _Sequences(Target):
    """See `finetrail.targets.target.Target`. Tasks differ in the metric that they choose by."""

    name = "sequences"
    facts = FACTS
    formats: Mapping[str, RecordReader] = {"po": read_po, "parallel": read_parallel}
    endings: Mapping[str, str] = {".po": "po"}
    trees: Mapping[str, TreeReader] = {"po": po_files, "parallel": parallel_files}
    Columns: type[AnyColumns] = SequenceColumns
    Rules = SequenceRules
    Slice = Slice
    strata = LengthStrata()
    Options = WritingOptions
    explains = False
    streams = True

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.string()

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        return [facts_of(label, content) for label, content in zip(labels, contents, strict=True)]

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        return given(where, record, columns)

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_text(where, value)

    def key(self, label: Any) -> str:
        if not isinstance(label, str):
            raise TypeError(f"{label!r} is not a text")
        return label

    def said(self, label: Any, content: Any) -> str:
        return canonical(label)

    def learn(self, labels: Sequence[str], settings: Any) -> "SequenceLearning":
        """Raises: TrainingError: all labels are the same text. ConfigError: the tokenizer's packages are missing."""
        from finetrail.targets.sequences.learning import SequenceLearning
        from finetrail.targets.sequences.metrics import refuse_missing
        from finetrail.targets.sequences.words import tokenizer_for

        if len(set(labels)) < 2:
            raise TrainingError(
                f"all {len(labels)} training rows have the same text as label: there is nothing to learn; add rows "
                "with other texts"
            )
        chosen = tokenizer_for(labels) if settings.tokenizer == "auto" else settings.tokenizer
        refuse_missing(chosen)
        patterns = {name: getattr(settings, name) for name in ("answer_pattern", "refusal_pattern")}
        return SequenceLearning(self.codec({"tokenizer": chosen, **patterns}))

    def codec(self, described: Mapping[str, Any]) -> "SequenceCodec":
        from finetrail.targets.sequences.codec import SequenceCodec

        patterns = (described.get(name) for name in ("answer_pattern", "refusal_pattern"))
        return SequenceCodec(described["tokenizer"], self.metrics[-1].name, *patterns)

    def learned(self, described: Mapping[str, Any]) -> "SequenceLearning":
        from finetrail.targets.sequences.learning import SequenceLearning

        return SequenceLearning(self.codec(described))


class _Summaries(_Sequences):
    """Texts of what matters: chosen by how many words of the reference they hold, in its order."""

    problem_type = noun = "summarization"
    metrics = with_last("rougeL")
    Training = SummaryTraining


class _Translations(_Sequences):
    """Texts in another language: chosen by runs of characters, so that an ending is not a whole word."""

    problem_type = noun = "translation"
    metrics = with_last("chrf")
    Training = TranslationTraining


class _Completions(_Sequences):
    """The last turns of conversations, which their content's own columns tell from the turns in front of them."""

    problem_type = noun = "text-generation"
    metrics = with_last("rougeL")
    formats: Mapping[str, RecordReader] = {}
    trees: Mapping[str, TreeReader] = {}
    endings: Mapping[str, str] = {}
    Columns = AnyColumns
    Rules = CompletionRules
    Training = CompletionTraining

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        found: tuple[Mapping[str, Any], Any] = columns.given(where, record)
        return found


SUMMARIES, TRANSLATIONS, COMPLETIONS = _Summaries(), _Translations(), _Completions()
