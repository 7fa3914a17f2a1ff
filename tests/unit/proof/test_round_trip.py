"""A packed model in a clean process: that it answers as the pipeline, and what it may not do there."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.errors import RoundTripError
from finetrail.inference.questions import SAMPLE, drawn, read_answers
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.proof.round_trip import Found, RoundTrip, Said
from finetrail.registry.ledger import Ledger
from finetrail.registry.packing import Birth, register
from finetrail.registry.sealed import DOCUMENT, fetch_sealed
from finetrail.registry.versions import find
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import read_predictions, write_predictions
from finetrail.targets.classes import METRICS
from finetrail.tasks.registry import load_model
from finetrail.workspace import read_json, write_json
from tests.unit.recorded import packing_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

WORDS = ["good", "fine", "superb", "bad", "awful", "weak", "table", "river"]
TEXTS = [f"{WORDS[n % 8]} {WORDS[n // 8 % 8]} {WORDS[n // 64 % 8]}" for n in range(SAMPLE + 8)]


METRIC = METRICS[-1]


@dataclass(frozen=True)
class Proved:
    """A packed model. Attributes: folder: a copy of it; found: its round trip; said: its answers."""

    folder: Path
    found: Found
    said: list[Said]


@pytest.fixture(scope="module")
def model(saved_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that answers every second text with either class; at random it would give all the same."""
    copy = Path(shutil.copytree(saved_model, tmp_path_factory.mktemp("balanced") / "model"))
    leads = np.diff(answers_to(load_model(copy), TEXTS), axis=1)[:, 0]
    tensors = load_tensors(copy / "model.safetensors")
    tensors["head.bias"][0] += float(np.median(leads))
    save_tensors(tensors, copy / "model.safetensors")
    return copy


@pytest.fixture(scope="module")
def trip(model: Path, tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    """Two splits and what the model on disk says to them, as `split`, `train` and `test` leave them."""
    built = load_model(model)
    questions = []
    for number, name in enumerate(("val", "test")):
        split = tmp_path_factory.mktemp("splits") / name
        split.mkdir()
        ids = [f"{(n * 7919 + number) % 65536:04x}" for n in range(len(TEXTS))]
        answers = answers_to(built, TEXTS)
        labels = [built.codec.say(answers)["label"][n] if n % 3 else "bad" for n in range(len(TEXTS))]
        pq.write_table(pa.table({"id": ids, "text": TEXTS, "label": labels}), split / "part-00000.parquet")
        rows = pd.DataFrame({"id": ids, "label": labels, "group": None})
        write_predictions(split / "predictions.parquet", rows, built.codec, answers)
        answered = read_predictions(split / "predictions.parquet")
        questions.append(drawn(split, built.task.content, answered, built.codec))
    return RoundTrip(questions[0], questions[1], METRIC)


@pytest.fixture(scope="module")
def proved(model: Path, mlflow_database: str, trip: RoundTrip, tmp_path_factory: pytest.TempPathFactory) -> Proved:
    """A model as MLflow packs it, and what its round trip found when it was registered."""
    from finetrail.runs.tracking import connect
    from finetrail.workspace import Workspace

    kept, asked, found = tmp_path_factory.mktemp("packed") / "model", [], []

    def prove(folder: Path) -> dict[str, str]:
        shutil.copytree(folder, kept)
        asked.extend(trip.ask(folder))
        found.append(trip.compare(*asked))
        return {"finetrail.round_trip": "done"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
        tracker = connect(Workspace(tmp_path_factory.mktemp("proved")), "proved")
        run_id = tracker.start("full", {}, {}, [])
        tracker.end(run_id)
        packing, birth = packing_of(model), Birth(lineage=lambda proved: {"tags": proved}, prove=prove)
        ledger = Ledger(tracker, "proved", "Ada")
        register(ledger, run_id, model=model, packing=packing, tags={}, birth=birth)
        version = find(tracker, "proved", "1")
        assert version.tags["finetrail.round_trip"] == "done"
        sealed = fetch_sealed(ledger, ledger.read(), version, tmp_path_factory.mktemp("sealed") / "version")
        assert read_json(sealed / DOCUMENT)["tags"] == {"finetrail.round_trip": "done"}
    return Proved(kept, found[0], asked)


def test_it_answers_a_sample_as_the_pipeline_did(proved: Proved, trip: RoundTrip) -> None:
    found = proved.found
    assert (found.tested, found.validated) == (SAMPLE, SAMPLE)
    assert found.apart < 1e-5
    trained = trip.validated.score(METRIC, trip.validated.answers)
    assert 0.5 < trained < 0.9
    assert found.scores == {"trained": trained, "registered": trained, "served": trained}


def test_mlflows_server_answers_every_validation_row(proved: Proved, trip: RoundTrip) -> None:
    validated, tested = proved.said
    assert validated.served["label"] == trip.validated.codec.say(trip.validated.answers)["label"]
    assert set(tested.served["label"]) == set()


def _one(logits: np.ndarray) -> np.ndarray:
    logits[SAMPLE - 1, 1] += 0.1
    return logits


def _nan(logits: np.ndarray) -> np.ndarray:
    logits[0, 0] = np.nan
    return logits


ROW = r"answers row \w{4} with \(.+\), but the pipeline with \(.+\): "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_one, ROW + r"0\.1 apart.*nothing was registered: score it again with `dvc repro --force --single-item test`"),
        (_nan, ROW + "nan apart"),
        (lambda logits: logits[:, ::-1], ROW + r"[\d.]+ apart"),
    ],
    ids=["one number", "nan", "labels swapped"],
)
def test_other_answers_of_the_pipeline_to_test_rows_refuse_it(
    proved: Proved, trip: RoundTrip, change: Any, message: str
) -> None:
    tested = replace(trip.tested, answers=change(trip.tested.answers.copy()))
    with pytest.raises(RoundTripError, match=message):
        replace(trip, tested=tested).compare(*proved.said)


def test_answers_of_a_model_with_another_label_are_named(proved: Proved, trip: RoundTrip) -> None:
    frame = pd.DataFrame({"logits": list(np.pad(trip.tested.answers, ((0, 0), (0, 1))))})
    with pytest.raises(RoundTripError, match=r"another model \(it has 3 logits a row for 2 labels\); run `dvc repro`"):
        read_answers(trip.tested.codec, frame)


def _said(proved: Proved, **change: Any) -> list[Said]:
    validated, tested = proved.said
    return [replace(validated, **change), tested]


NUMBERS = r"is 0\.\d+ on 256 validation rows, but 0\.\d+ where it was trained: \d+ answers are other ones.*; nothing"


def test_labels_in_another_order_refuse_it_by_the_metric(proved: Proved, trip: RoundTrip) -> None:
    served = proved.said[0].served
    other = {"bad": "good", "good": "bad"}
    said = _said(proved, served={**served, "label": [other[label] for label in served["label"]]})
    with pytest.raises(RoundTripError, match=rf"^macro F1 of what MLflow serves {NUMBERS}"):
        trip.compare(*said)


def test_outputs_in_another_order_refuse_it_by_the_metric(proved: Proved, trip: RoundTrip) -> None:
    with pytest.raises(RoundTripError, match=rf"^macro F1 of the packed model {NUMBERS}"):
        trip.compare(*_said(proved, answers=proved.said[0].answers[:, ::-1]))


def test_a_label_that_nobody_knows_refuses_it(proved: Proved, trip: RoundTrip) -> None:
    served = proved.said[0].served
    message = r"^what MLflow serves is no answer of this model: it says the label 'odd', which is none of the 2; "
    with pytest.raises(RoundTripError, match=message):
        trip.compare(*_said(proved, served={**served, "label": ["odd", *served["label"][1:]]}))
    with pytest.raises(RoundTripError, match=r"^what MLflow serves has no column 'score' in some answers; nothing was"):
        trip.compare(*_said(proved, served={**served, "score": [None] * SAMPLE}))


@pytest.mark.parametrize("change", [lambda score: score - 0.05, str], ids=["other scores", "no numbers"])
def test_what_a_caller_gets_has_to_be_what_the_answers_mean(proved: Proved, trip: RoundTrip, change: Any) -> None:
    served = proved.said[0].served
    with pytest.raises(RoundTripError, match=r"serves says .* in column 'score' of row \w{4}, but the model's "):
        trip.compare(*_said(proved, served={**served, "score": [change(score) for score in served["score"]]}))


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
    copy = Path(shutil.copytree(proved.folder, tmp_path / "model"))
    (weights,) = copy.rglob("model.safetensors")
    tensors = load_tensors(weights)
    bias = next(name for name in tensors if name.endswith("bias") and "head" in name)
    save_tensors({**tensors, bias: tensors[bias] + 0.05}, weights)
    with pytest.raises(RoundTripError, match=r"^the packed model answers row .* apart, where .* is allowed"):
        trip.prove(copy)


def _swapped(model: Path) -> None:
    tensors = load_tensors(model / "model.safetensors")
    save_tensors({**tensors, "head.weight": tensors["head.weight"].flip(0).contiguous()}, model / "model.safetensors")


def _permuted(model: Path) -> None:
    described = read_json(model / "model.json")
    described["target"]["labels"].reverse()
    write_json(model / "model.json", described)


def _pooled_otherwise(model: Path) -> None:
    described = read_json(model / "model.json")
    described["backbone"]["pooling"] = "cls"
    write_json(model / "model.json", described)


@pytest.mark.parametrize(
    ("spoil", "whose"),
    [(_swapped, "the packed model"), (_permuted, "what MLflow serves"), (_pooled_otherwise, "the packed model")],
    ids=["a tensor turned", "labels in another order", "another pooling"],
)
def test_a_packed_model_that_is_silently_wrong_is_refused_by_its_metric(
    proved: Proved, trip: RoundTrip, tmp_path: Path, spoil: Callable[[Path], None], whose: str
) -> None:
    copy = Path(shutil.copytree(proved.folder, tmp_path / "model"))
    (description,) = copy.rglob("artifacts/*/model.json")
    spoil(description.parent)
    with pytest.raises(RoundTripError, match=rf"^macro F1 of {whose} {NUMBERS}"):
        trip.prove(copy)


def test_nothing_is_registered_when_it_is_refused(tracker: Tracker, saved_model: Path) -> None:
    def refuse(folder: Path) -> dict[str, str]:
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
