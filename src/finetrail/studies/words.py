"""A study in a sentence: for the reason of a choice, and for reports."""

from finetrail.evaluation.scores.metric import Metric
from finetrail.runs.study import Study


def found_by(candidate: str, study: Study, metric: Metric) -> str:
    """How a candidate's settings were found, and how much of the value that found them was luck.

    Args:
        metric: the study's, which need not be the one that candidates are compared by.
    """
    number, again, optimism = len(study.trials), study.confirmation, study.optimism
    if study.chosen is None or study.best is None:
        return f"None of the trials of `{candidate}` came to its end."
    single = metric.say(study.trial(study.best).value or 0.0)
    is_best = study.chosen == study.best
    place = f"the best of {number} trials, with {single}" if is_best else f"trial {study.chosen} of {number}"
    said = f"`{candidate}` is {place if number > 1 else f'the only trial, with {single}'}"
    if again is None or optimism is None:
        return f"{said}; none was trained again, so expect less on other rows than its value says."
    seeds = "1 further seed" if len(again.seeds) == 1 else f"{len(again.seeds)} further seeds"
    apart = f"{metric.say(abs(optimism))} {'worse' if optimism > 0 else 'better'}"
    rival = "" if is_best else f" than the best single value, {single} of trial {study.best}"
    mean = f"its validation {metric.title} is {metric.say(again.mean)} on average"
    return f"{said}; trained again over {seeds}, {mean}, {apart}{rival}."
