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
from finetrail.proof.round_trip import SAMPLE, Answers, RoundTrip
from finetrail.registry.packing import Birth, register
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer import outputs_of
from finetrail.targets.problem import CLASSIFICATION
from finetrail.tasks.registry import load_model

WORDS = ["good", "fine", "superb", "bad", "awful", "weak", "table", "river"]
TEXTS = [f"{WORDS[n % 8]} {WORDS[n // 8 % 8]} {WORDS[n // 64 % 8]}" for n in range(SAMPLE + 8)]


@dataclass(frozen=True)
class Proved:
    folder: Path
    found: list[str]
    answers: Answers


@pytest.fixture(scope="module")
def trip(saved_model: Path, tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    """A test split and what the model on disk says to it, as `split` and `test` leave them."""
    folder = tmp_path_factory.mktemp("tested")
    split = folder / "test"
    split.mkdir()
    ids = [f"{(n * 7919) % 65536:04x}" for n in range(len(TEXTS))]
    pq.write_table(pa.table({"id": ids, "text": TEXTS, "label": ["bad"] * len(ids)}), split / "part-00000.parquet")
    predictions = folder / "predictions.parquet"
    logits = outputs_of(load_model(saved_model), TEXTS)
    pd.DataFrame({"id": ids, "label": "bad", "logits": list(logits)}).to_parquet(predictions)
    return RoundTrip(split, "text", predictions, CLASSIFICATION.name, ["bad", "good"])


@pytest.fixture(scope="module")
def packed(
    saved_model: Path, mlflow_database: str, trip: RoundTrip, tmp_path_factory: pytest.TempPathFactory
) -> Proved:
    """A model as MLflow packs it, and what its round trip found when it was registered."""
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace

    asked: list[Answers] = []
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
        example = {"text": "good"}
        birth = Birth(prove=prove)
        register(tracker, run_id, name="proved", model=saved_model, example=example, tags={}, birth=birth)
        found.append(tracker.client.get_model_version("proved", "1").tags["finetrail.round_trip"])
    return Proved(kept, found, asked[0])


def test_it_answers_a_sample_as_the_pipeline_did_and_the_version_says_so(packed: Proved) -> None:
    found, tag = packed.found
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
        (lambda logits, _: np.pad(logits, ((0, 0), (0, 1))), r"has 2 outputs, but the pipeline's answers have 3"),
    ],
    ids=["one number", "nan", "labels swapped", "another label"],
)
def test_other_answers_of_the_pipeline_refuse_it(
    packed: Proved, trip: RoundTrip, tmp_path: Path, change: Any, message: str
) -> None:
    with pytest.raises(RoundTripError, match=message):
        _changed(trip, tmp_path, change).compare(packed.answers)


def test_labels_in_another_order_refuse_it(packed: Proved, trip: RoundTrip) -> None:
    with pytest.raises(RoundTripError, match=r"`predict` says \[.*\] in column 'label', but its outputs mean"):
        replace(trip, labels=["good", "bad"]).compare(packed.answers)


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
        said.append(str(error)[17:48])
raise RuntimeError(', '.join(said))
"""
FORBIDDEN = {
    "network and pickle": (
        "serving.py",
        TRIES,
        r"asks the network \(socket.conn[^,]*, asks the network \(socket.geta[^,]*, unpickles (os|posix)\.getcwd",
    ),
    "broken": ("code/finetrail/prediction.py", "raise ImportError('half a file')\n", "half a file"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_it_may_not_do(packed: Proved, trip: RoundTrip, tmp_path: Path, name: str) -> None:
    file, code, message = FORBIDDEN[name]
    copy = Path(shutil.copytree(packed.folder, tmp_path / "model"))
    with (copy / file).open("a", encoding="utf-8") as stream:
        stream.write(code)
    with pytest.raises(RoundTripError, match=rf"cannot be used in a clean, offline process \(.*{message}"):
        trip.prove(copy)


def test_code_that_is_not_in_it_is_not_found_elsewhere(packed: Proved, trip: RoundTrip, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(packed.folder, tmp_path / "model"))
    shutil.rmtree(copy / "code" / "finetrail")
    with pytest.raises(RoundTripError, match="No module named 'finetrail'"):
        trip.prove(copy)


def test_weights_that_are_not_those_refuse_it(packed: Proved, trip: RoundTrip, tmp_path: Path) -> None:
    from finetrail.models.weights import load_tensors, save_tensors

    copy = Path(shutil.copytree(packed.folder, tmp_path / "model"))
    (weights,) = copy.rglob("model.safetensors")
    tensors = load_tensors(weights)
    bias = next(name for name in tensors if name.endswith("bias") and "head" in name)
    save_tensors({**tensors, bias: tensors[bias] + 0.05}, weights)
    with pytest.raises(RoundTripError, match=r"apart, where .* is allowed"):
        trip.prove(copy)


def test_nothing_is_registered_when_it_is_refused(tracker: Tracker, saved_model: Path) -> None:
    def refuse(packed: Path) -> str:
        raise RoundTripError(f"{packed.name} is refused")

    run_id = tracker.start("full", {}, {}, [])
    tracker.end(run_id)
    with pytest.raises(RoundTripError, match="model is refused"):
        register(
            tracker,
            run_id,
            name="never",
            model=saved_model,
            example={"text": "good"},
            tags={},
            birth=Birth(prove=refuse),
        )
    assert tracker.client.search_registered_models("name = 'never'") == []
    assert tracker.client.search_logged_models([tracker.experiment_id]) == []
    assert tracker.client.get_run(run_id).info.status == "FINISHED"
