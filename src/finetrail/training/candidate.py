"""A candidate as params.yaml has it. No heavy imports: the command line reads it before any work."""

from finetrail.adaptation.methods import Adaptation
from finetrail.contents.content import Backbone
from finetrail.settings import Settings
from finetrail.training.settings import Training


class Candidate(Settings):
    """One way to solve the problem: a backbone, a method of adaptation, and how to train.

    In params.yaml a candidate names only what differs: its `backbone` and `train` are laid over the common ones.
    """

    adaptation: Adaptation
    backbone: Backbone
    train: Training
