"""What an outage of MLflow costs a search: nothing but a warning."""

import pytest
from mlflow.exceptions import MlflowException

from finetrail.runs.study import Study, Trial
from finetrail.runs.tracking import Tracker
from finetrail.search.mirror import Mirror

TRIALS = [Trial(number, "complete", {"train.learning_rate": 0.1**number}, value=0.5) for number in range(1, 4)]
BEGUN = Study("k", "random", "none", seed=0, metric="macro_f1", higher_is_better=True, space=(), trials=())


def numbers(tracker: Tracker) -> list[str]:
    runs = tracker.client.search_runs([tracker.experiment_id])
    return sorted(run.data.tags["finetrail.trial"] for run in runs if "finetrail.trial" in run.data.tags)


@pytest.mark.parametrize("pause", [0.0, 60.0])
def test_trials_wait_for_a_server_that_is_down_and_it_is_not_asked_at_each(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pause: float
) -> None:
    mirror = Mirror(tracker, "lora", BEGUN, pause)
    mirror.show(TRIALS[:1])

    def down(*args: object, **kwargs: object) -> None:
        raise MlflowException("Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(tracker.client, "create_run", down)
        mirror.show(TRIALS[:2])
    assert "does not answer as it should" in caplog.text
    assert "the search goes on, its trials wait" in caplog.text
    mirror.show(TRIALS)
    assert numbers(tracker) == (["1"] if pause else ["1", "2", "3"])
    Mirror(tracker, "lora", BEGUN).show(TRIALS)  # the next start
    assert numbers(tracker) == ["1", "2", "3"]
