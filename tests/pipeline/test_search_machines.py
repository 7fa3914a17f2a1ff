"""A search on two machines: two workspaces that share nothing but a real PostgreSQL, one of which is killed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy

from finetrail.runs.study import Study, read_study
from tests.flows import postgres
from tests.pipeline import forks
from tests.pipeline.workspaces import Sandbox, contents

PASSWORD = "planted0studies0password"  # noqa: S105  (planted, to be looked for)
TRIALS = 4
# The values of a trial depend on its number alone, on however many machines the search is at work.
SEARCH: dict[str, Any] = {"sampler": "random", "budget": {"trials": TRIALS}, "confirm": {"top": 2, "seeds": 2}}
TRAIN: dict[str, Any] = {"epochs": 2, "batch_size": 8, "log_every": 3, "checkpoint_seconds": 0}
OPEN = {"adaptation": {"method": "full"}, "train": TRAIN | {"learning_rate": {"log": [1e-4, 1e-1]}}, "search": SEARCH}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres.database(PASSWORD) as found:
        yield found


@pytest.fixture(scope="module")
def machines(trainable: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> list[Sandbox]:
    """Three copies of a workspace with a candidate that searches."""
    folder = tmp_path_factory.mktemp("machines")
    made = [trainable.twin(folder / name) for name in ("alone", "first", "second")]
    for one in made:
        one.edit("candidates", {"full": OPEN})
    return made


@pytest.fixture(scope="module")
def alone(machines: list[Sandbox], address: str) -> Sandbox:
    """A machine that has searched by itself, without the database, which is a while old afterwards."""
    done = forks.run(machines[0], "train", "full")
    assert done.code == 0, done
    return machines[0]


@pytest.fixture(scope="module")
def shared(machines: list[Sandbox], address: str) -> Sandbox:
    """The machine that ended the search: the other one was killed in its first trial."""
    first, second = machines[1:]
    dying = forks.start(first, "trials", "full", FINETRAIL_STUDIES=address)
    dying.kill(_has_checkpoint(first))
    helping = forks.start(first, "trials", "full", FINETRAIL_STUDIES=address)
    ended = forks.run(second, "train", "full", FINETRAIL_STUDIES=address)
    assert ended.code == 0, ended
    helped = helping.wait()
    assert helped.code == 0, helped
    assert "was cut off: it goes on" in helped.err + ended.err
    return second


def _has_checkpoint(sandbox: Sandbox) -> Callable[[], bool]:
    return lambda: any((sandbox.root / ".finetrail" / "checkpoints" / ".units").glob("*/step-*"))


def _study(sandbox: Sandbox) -> Study:
    study = read_study(sandbox.paths.run("full").study_record)
    assert study is not None
    return study


def _facts(study: Study) -> list[dict[str, Any]]:
    """What depends on the seed alone."""
    measured = ("seconds", "peak_memory_mb")
    return [{name: value for name, value in one.as_json().items() if name not in measured} for one in study.trials]


def test_two_machines_find_what_one_finds_to_the_same_bits(alone: Sandbox, shared: Sandbox) -> None:
    ours, theirs = _study(shared), _study(alone)
    assert len(ours.trials) == TRIALS
    assert _facts(ours) == _facts(theirs)
    assert (ours.confirmed, ours.chosen, ours.said) == (theirs.confirmed, theirs.chosen, theirs.said)
    assert contents(shared.paths.model("full")) == contents(alone.paths.model("full"))


def test_the_trial_of_the_machine_that_died_is_tried_once_more_and_counted_once(shared: Sandbox, address: str) -> None:
    with sqlalchemy.create_engine(address).connect() as connection:
        states = connection.execute(sqlalchemy.text("SELECT state::text FROM trials ORDER BY number")).scalars().all()
        starts = connection.execute(
            sqlalchemy.text("SELECT value_json FROM trial_user_attributes WHERE key = 'starts' ORDER BY trial_id")
        ).scalars()
        tries = [len(one.split(",")) for one in starts]
    assert states == ["COMPLETE"] * TRIALS
    assert tries == [2, *[1] * (TRIALS - 1)]


def test_each_training_takes_place_once(machines: list[Sandbox], shared: Sandbox) -> None:
    units = [one.root / ".finetrail" / "checkpoints" / ".units" for one in machines[1:]]
    trained = [file.stem for folder in units for file in folder.glob("*.parquet")]
    assert len(trained) == len(set(trained)) == TRIALS + 2 * 2


def test_the_password_is_written_nowhere(machines: list[Sandbox], shared: Sandbox) -> None:
    for one in machines[1:]:
        found = [file for file in one.root.rglob("*") if file.is_file() and PASSWORD.encode() in file.read_bytes()]
        assert found == []


def test_a_database_that_does_not_answer_is_one_line(machines: list[Sandbox], address: str) -> None:
    nowhere = sqlalchemy.make_url(address).set(database="nowhere").render_as_string(hide_password=False)
    refused = forks.run(machines[1], "trials", "full", FINETRAIL_STUDIES=nowhere)
    assert refused.code == 8
    assert refused.error.startswith("UnreachableError: the database of the studies does not answer as it should (")
    assert 'database "nowhere" does not exist' in refused.error
