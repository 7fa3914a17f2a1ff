"""A label that is a preference pair: two answers to one conversation, of which people preferred one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.data.canonical import canonical
from finetrail.data.sources.columns import Columns as AnyColumns
from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import Slice
from finetrail.targets.preferences.reading import CHOSEN, SIDES, chosen_of, key_of, read_cell, read_pair
from finetrail.targets.preferences.rules import FACTS, PreferenceRules, facts_of
from finetrail.targets.preferences.settings import PreferenceTraining
from finetrail.targets.preferences.strata import PairStrata
from finetrail.targets.sequences import METRICS
from finetrail.targets.sequences.options import WritingOptions
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.targets.preferences.codec import PreferenceCodec
    from finetrail.targets.preferences.learning import PreferenceLearning

NEARER = Metric("nearer_chosen", "share nearer to chosen")
REWARDS = (Metric("reward_margin", "reward margin", in_unit=True), Metric("reward_accuracy", "reward accuracy"))
"""What compares a model with itself before training: known while it trains, and of pairs that it reads, not writes."""


class _Preferences(Target):
    """See `finetrail.targets.target.Target`."""

    name = "preferences"
    problem_type = "preference"
    noun = "preference"
    metrics = (*METRICS, NEARER)
    training_metrics = (*metrics, *REWARDS)
    facts = FACTS
    Columns = AnyColumns
    Rules = PreferenceRules
    Training = PreferenceTraining
    Slice = Slice
    strata = PairStrata()
    Options = WritingOptions
    explains = False
    streams = True

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.struct([(side, pa.string()) for side in SIDES])

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        return [facts_of(label, content) for label, content in zip(labels, contents, strict=True)]

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        found: tuple[Mapping[str, Any], Any] = columns.given(where, record)
        return found

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_pair(where, value)

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        return read_cell(where, text)

    def key(self, label: Any) -> str:
        return key_of(label)

    def said(self, label: Any, content: Any) -> str:
        return canonical(label[CHOSEN])

    def learn(self, labels: Sequence[Any], settings: Any) -> "PreferenceLearning":
        """Raises: TrainingError: all pairs are the same. ConfigError: the tokenizer's packages are missing."""
        from finetrail.targets.preferences.learning import PreferenceLearning
        from finetrail.targets.sequences.metrics import refuse_missing
        from finetrail.targets.sequences.words import tokenizer_for

        if len(set(map(key_of, labels))) < 2:
            raise TrainingError(
                f"all {len(labels)} training rows have the same pair of answers: there is nothing to learn; add rows "
                "with other answers"
            )
        chosen = tokenizer_for(chosen_of(labels)) if settings.tokenizer == "auto" else settings.tokenizer
        refuse_missing(chosen)
        patterns = {name: getattr(settings, name) for name in ("answer_pattern", "refusal_pattern")}
        return PreferenceLearning(self.codec({"tokenizer": chosen, "beta": settings.beta, **patterns}))

    def codec(self, described: Mapping[str, Any]) -> "PreferenceCodec":
        from finetrail.targets.preferences.codec import PreferenceCodec

        return PreferenceCodec(
            described["tokenizer"],
            pattern=described.get("answer_pattern"),
            refusal=described.get("refusal_pattern"),
            beta=described["beta"],
            rewards=described.get("rewards"),
        )

    def learned(self, described: Mapping[str, Any]) -> "PreferenceLearning":
        from finetrail.targets.preferences.learning import PreferenceLearning

        return PreferenceLearning(self.codec(described))


PREFERENCES = _Preferences()
