"""A packed model in a clean process: that it answers as the pipeline, and what it may not do there."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.errors import RoundTripError
from finetrail.proof.round_trip import SAMPLE, RoundTrip, Said
from finetrail.registry.ledger import Ledger
from finetrail.registry.packing import Birth, register
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import write_predictions
from finetrail.targets.classes.codec import ClassCodec
from finetrail.tasks.registry import load_model
from tests.unit.recorded import packing_of

pytestmark = pytest.mark.slow

WORDS = ["good", "fine", "superb", "bad", "awful", "weak", "table", "river"]
TEXTS = [f"{WORDS[n % 8]} {WORDS[n // 8 % 8]} {WORDS[n // 64 % 8]}" for n in range(SAMPLE + 8)]


@dataclass(frozen=True)
class Proved:
    """A packed model. Attributes: folder: a copy of it; found: its round trip and the tag; said: its answers."""

    folder: Path
    found: list[str]
    said: Said


@pytest.fixture(scope="module")
def trip(saved_model: Path, tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    """A test split and what the model on disk says to it, as `split` and `test` leave them."""
    folder = tmp_path_factory.mktemp("tested")
    split = folder / "test"
    split.mkdir()
    ids = [f"{(n * 7919) % 65536:04x}" for n in range(len(TEXTS))]
    pq.write_table(pa.table({"id": ids, "text": TEXTS, "label": ["bad"] * len(ids)}), split / "part-00000.parquet")
    predictions = folder / "predictions.parquet"
    built = load_model(saved_model)
    rows = pd.DataFrame({"id": ids, "label": "bad", "group": None})
    write_predictions(predictions, rows, built.codec, answers_to(built, TEXTS))
    return RoundTrip(split, "text", predictions, built.codec)


@pytest.fixture(scope="module")
def proved(
    saved_model: Path, mlflow_database: str, trip: RoundTrip, tmp_path_factory: pytest.TempPathFactory
) -> Proved:
    """A model as MLflow packs it, and what its round trip found when it was registered."""
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace

    asked: list[Said] = []
    kept, found = tmp_path_factory.mktemp("packed") / "model", []

    def prove(folder: Path) -> str:
        shutil.copytree(folder, kept)
        asked.append(trip.ask(folder))
        found.append(trip.compare(asked[0]))
        return found[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
        tracker = connect(Workspace(tmp_path_factory.mktemp("proved")), "proved")
        run_id = tracker.start("full", {}, {}, [])
        tracker.end(run_id)
        packing, birth = packing_of(saved_model), Birth(prove=prove)
        ledger = Ledger(tracker, "proved", "Ada")
        register(ledger, run_id, model=saved_model, packing=packing, tags={}, birth=birth)
        found.append(tracker.client.get_model_version("proved", "1").tags["finetrail.round_trip"])
    return Proved(kept, found, asked[0])


def test_it_answers_a_sample_as_the_pipeline_did_and_the_version_says_so(proved: Proved) -> None:
    found, tag = proved.found
    assert tag == found
    assert found.startswith(f"{SAMPLE} test rows in a clean process, largest difference ")
    assert float(found.split()[-1]) < 1e-5


def _changed(trip: RoundTrip, tmp_path: Path, change: Any) -> RoundTrip:
    frame = pd.read_parquet(trip.predictions)
    logits = np.stack(frame["logits"].tolist())
    frame["logits"] = list(change(logits, frame["id"].argsort().to_numpy()))
    path = tmp_path / "predictions.parquet"
    frame.to_parquet(path)
    return replace(trip, predictions=path)


def _one(logits: np.ndarray, order: np.ndarray) -> np.ndarray:
    logits[order[SAMPLE - 1], 1] += 0.1
    return logits


def _nan(logits: np.ndarray, order: np.ndarray) -> np.ndarray:
    logits[order[0], 0] = np.nan
    return logits


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_one, r"answers row \w{4} with \(.+\), but the pipeline with \(.+\): 0\.1 apart.*nothing was registered"),
        (_nan, r"answers row \w{4} .* nan apart"),
        (lambda logits, _: logits[:, ::-1], r"answers row .* apart"),
        (
            lambda logits, _: np.pad(logits, ((0, 0), (0, 1))),
            r"come from another model \(it has 3 logits a row for 2 labels\); run `dvc",
        ),
    ],
    ids=["one number", "nan", "labels swapped", "another label"],
)
def test_other_answers_of_the_pipeline_refuse_it(
    proved: Proved, trip: RoundTrip, tmp_path: Path, change: Any, message: str
) -> None:
    with pytest.raises(RoundTripError, match=message):
        _changed(trip, tmp_path, change).compare(proved.said)


def test_labels_in_another_order_refuse_it(proved: Proved, trip: RoundTrip) -> None:
    with pytest.raises(RoundTripError, match=r"`predict` says \[.*\] in column 'label', but its outputs mean"):
        replace(trip, codec=ClassCodec(("good", "bad"))).compare(proved.said)


@pytest.mark.parametrize(
    "change",
    [
        lambda served: served | {"score": served["score"][:-1]},
        lambda served: served | {"score": [score - 0.05 for score in served["score"]]},
        lambda served: {"label": served["label"]},
        lambda served: served | {"score": ["0.5"] * len(served["score"])},
    ],
    ids=["a row too few", "other scores", "no scores", "no numbers"],
)
def test_what_a_caller_gets_has_to_be_what_the_answers_mean(proved: Proved, trip: RoundTrip, change: Any) -> None:
    with pytest.raises(RoundTripError, match=r"`predict` says .* in column 'score', but its outputs mean \["):
        trip.compare(replace(proved.said, served=change(proved.said.served)))


# All attempts in one process, which costs seconds of imports; each is refused, and what was said is told at the end.
TRIES = """
import pickle, socket
said = []
for attempt in (
    lambda: socket.socket().connect(('192.0.2.1', 9)),
    lambda: socket.getaddrinfo('model.example', 80),
    lambda: pickle.loads(b'cos\\ngetcwd\\n(tR.'),
):
    try:
        attempt()
    except RuntimeError as error:
        said.append(str(error)[17:52])
raise RuntimeError(', '.join(said))
"""
FORBIDDEN = {
    "network and pickle": (
        "served.py",
        TRIES,
        r"accesses the network \(socket.conn[^,]*, accesses .* \(socket.geta[^,]*, unpickles (os|posix)\.getcwd",
    ),
    "broken": ("code/finetrail/serving/answer.py", "raise ImportError('half a file')\n", "half a file"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_it_may_not_do(proved: Proved, trip: RoundTrip, tmp_path: Path, name: str) -> None:
    file, code, message = FORBIDDEN[name]
    copy = Path(shutil.copytree(proved.folder, tmp_path / "model"))
    with (copy / file).open("a", encoding="utf-8") as stream:
        stream.write(code)
    with pytest.raises(RoundTripError, match=rf"cannot be used in a clean, offline process \(.*{message}"):
        trip.prove(copy)


def test_code_that_is_not_in_it_is_not_found_on_this_machine(proved: Proved, trip: RoundTrip, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(proved.folder, tmp_path / "model"))
    shutil.rmtree(copy / "code" / "finetrail")
    with pytest.raises(RoundTripError, match="No module named 'finetrail'"):
        trip.prove(copy)


def test_weights_that_are_not_those_refuse_it(proved: Proved, trip: RoundTrip, tmp_path: Path) -> None:
    from finetrail.models.weights import load_tensors, save_tensors

    copy = Path(shutil.copytree(proved.folder, tmp_path / "model"))
    (weights,) = copy.rglob("model.safetensors")
    tensors = load_tensors(weights)
    bias = next(name for name in tensors if name.endswith("bias") and "head" in name)
    save_tensors({**tensors, bias: tensors[bias] + 0.05}, weights)
    with pytest.raises(RoundTripError, match=r"apart, where .* is allowed"):
        trip.prove(copy)


def test_nothing_is_registered_when_it_is_refused(tracker: Tracker, saved_model: Path) -> None:
    def refuse(folder: Path) -> str:
        raise RoundTripError(f"{folder.name} is refused")

    run_id = tracker.start("full", {}, {}, [])
    tracker.end(run_id)
    with pytest.raises(RoundTripError, match="model is refused"):
        register(
            Ledger(tracker, "never", "Ada"),
            run_id,
            model=saved_model,
            packing=packing_of(saved_model),
            tags={},
            birth=Birth(prove=refuse),
        )
    assert tracker.client.search_registered_models("name = 'never'") == []
    assert tracker.client.search_logged_models([tracker.experiment_id]) == []
    assert tracker.client.get_run(run_id).info.status == "FINISHED"
