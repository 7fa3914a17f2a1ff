"""What a training says on its way."""

import re

from finetrail.evaluation.scores.metric import Metric
from finetrail.runs.aloud import Aloud
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import get_task

F1 = metric_named(get_task("text-classification").target.metrics, "macro_f1")


def said(metric: Metric = F1, pause: float = 0.0, epochs: float = 3) -> tuple[list[str], list[tuple[str, int]]]:
    """The lines of a training of two epochs, and the points that were passed on."""
    lines: list[str] = []
    heard: list[tuple[str, int]] = []
    aloud = Aloud(
        lambda curve, step, point: heard.append((curve, step)),
        lines.append,
        metric,
        epochs=epochs,
        steps=int(epochs * 5),
        pause=pause,
    )
    for epoch in (1, 2):
        aloud("train", epoch * 5, {"loss": 1 / epoch, "learning_rate": 0.1, "gradient_norm": 1.0})
        aloud("val", epoch * 5, {"epoch": epoch, "step": epoch * 5, "loss": 0.75, "macro_f1": epoch / 4})
    return lines, heard


def test_each_evaluation_is_a_line_and_from_the_second_on_it_says_how_long_the_rest_takes() -> None:
    (first, second), heard = said()
    assert first == "epoch 1 of 3, step 5: loss 1.0000, validation loss 0.7500, macro F1 0.250"
    assert re.fullmatch(
        r"epoch 2 of 3, step 10: loss 0\.5000, validation loss 0\.7500, macro F1 0\.500; about 1 seconds left", second
    )
    assert heard == [("train", 5), ("val", 5), ("train", 10), ("val", 10)]


def test_the_last_one_has_nothing_left() -> None:
    assert said(epochs=2)[0][-1].endswith("macro F1 0.500")


def test_a_training_by_its_loss_does_not_say_it_twice() -> None:
    assert said(Metric("loss", "loss", lower=True))[0][0].endswith("validation loss 0.7500")


def test_a_short_training_says_nothing_on_its_way() -> None:
    lines, heard = said(pause=5.0)
    assert lines == []
    assert len(heard) == 4


def test_evaluations_between_which_no_epoch_passes_and_none_before_the_curve_has_a_point() -> None:
    lines: list[str] = []
    aloud = Aloud(lambda *heard: None, lines.append, F1, epochs=1, steps=99_999, pause=0.0)
    for step in (1, 2):  # epochs are rounded to four places
        aloud("val", step, {"epoch": 0.0, "step": step, "loss": 0.75, "macro_f1": 0.5})
    assert lines[0] == "epoch 0 of 1, step 1: validation loss 0.7500, macro F1 0.500"
    assert lines[1].endswith(" left")
