"""How the answers of a model that learnt from preference pairs are written down: as those of any that writes texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.targets.sequences.codec import SequenceCodec

if TYPE_CHECKING:
    from finetrail.targets.preferences.judge import PreferenceJudge


@dataclass(frozen=True)
class PreferenceCodec(SequenceCodec):
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        beta: of the rewards.
        rewards: what the trained model reached on the validation pairs, by metric: its value, and the ends of its
            interval; None before that.
    """

    metric: str = "rougeL"
    beta: float = 0.1
    rewards: Mapping[str, Sequence[float]] | None = None

    @property
    def judge(self) -> "PreferenceJudge":  # type: ignore[override]
        from finetrail.targets.preferences.judge import PreferenceJudge

        return PreferenceJudge(self)

    def described(self) -> dict[str, Any]:
        rewards = {} if self.rewards is None else {"rewards": {name: list(ends) for name, ends in self.rewards.items()}}
        return super().described() | {"beta": self.beta} | rewards

    def intervals(self) -> dict[str, Interval]:
        """The rewards on the validation pairs; empty before training."""
        return {name: Interval(*ends) for name, ends in (self.rewards or {}).items()}

    def about(self) -> list[str]:
        found = self.intervals()
        said = f"It was trained on preference pairs by DPO (Rafailov et al. 2023), beta {self.beta:g}."
        if found:
            accuracy = found["reward_accuracy"]
            said += (
                f" Of the validation pairs it ranks {100 * accuracy.value:.1f}% as people did, by its log-probabilities"
                " over those before training."
            )
        return [*super().about(), said]
