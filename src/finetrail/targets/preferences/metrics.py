"""What preference pairs are measured by: whether a model writes, and ranks, as people preferred."""

from collections.abc import Mapping, Sequence

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.preferences.reading import SIDES
from finetrail.targets.sequences.metrics import rouge


def nearer(labels: Sequence[Mapping[str, str]], texts: Sequence[str]) -> Floats:
    """Whether each text is nearer to the chosen than to the rejected answer (n,), by ROUGE-L: 1, 0, or ½ in a tie."""
    found = np.zeros(len(texts))
    for row, (label, text) in enumerate(zip(labels, texts, strict=True)):
        chosen, rejected = (rouge(label[side], text)[2] for side in SIDES)
        found[row] = (np.sign(chosen - rejected) + 1) / 2
    return found


class RewardJudge:
    """Reward accuracy and margin as means over pairs; see `finetrail.evaluation.scores.bootstrap.Scorer`."""

    def facts(self, labels: Sequence[object], answers: Floats) -> Floats:
        """Of each pair its margin, whether it is ranked as people did, ½ in a tie, and 1 (n, 3).

        Args:
            answers: the margins (n,): by how much the reward of the chosen answer exceeds that of the rejected one.
        """
        return np.stack([answers, (np.sign(answers) + 1) / 2, np.ones(len(answers))], axis=1)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        """Both metrics (R,)."""
        sums = drawn @ facts
        return {"reward_margin": sums[:, 0] / sums[:, 2], "reward_accuracy": sums[:, 1] / sums[:, 2]}
