"""Trainings with few labels, alone or as one of several processes: `python -m tests.unit.adaptation.few_labels FOLDER`.

Prints the trained weights of each method.
"""

import json
import sys
from pathlib import Path

from finetrail.adaptation.few_shot import FewShot
from finetrail.adaptation.methods import Adaptation
from finetrail.adaptation.prototypes import Prototypes
from finetrail.inference import processes
from tests.unit.training.toys import new_model, train

METHODS: tuple[Adaptation, ...] = (
    FewShot(method="few_shot"),
    Prototypes(method="prototypes"),
    Prototypes(method="prototypes", then="full"),
)


def trained(folder: Path) -> list[list[float]]:
    """The weights after two epochs, of each method."""
    found = []
    for number, method in enumerate(METHODS):
        model = new_model()
        method.apply(model)
        # 36 rows in batches of 16: the processes have shares of different sizes.
        train(folder / str(number), rows=36, model=model, method=method, epochs=2, batch_size=16)
        found.append([value for one in model.parameters() for value in one.flatten().tolist()])
    return found


if __name__ == "__main__":
    processes.join()
    weights = trained(Path(sys.argv[1]))
    if processes.rank() == 0:
        print(json.dumps(weights))  # noqa: T201
