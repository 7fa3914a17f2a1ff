"""The training loop with a model that writes its answers: cut off and taken up again, and with too little memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from finetrail.adaptation.methods import Adaptation
from finetrail.contents.text.settings import ChatBackbone, TextBackbone, WrittenBackbone
from finetrail.inference import memory
from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.models.network import Batch, Network, for_model, rows
from finetrail.targets.sequences import SUMMARIES
from finetrail.targets.sequences.codec import SequenceCodec
from finetrail.targets.sequences.learning import SequenceLearning
from finetrail.targets.sequences.settings import SummaryTraining
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records
from tests.unit.conftest import NEGATIVE, NEUTRAL, POSITIVE

LEARNING = SequenceLearning(SequenceCodec(metric="rougeL"))
TEXTS = [f"{one} {other} {NEUTRAL[0]}" for one in POSITIVE[:4] for other in NEGATIVE[:4]]
ANSWERS = [f"{text.split()[1]} {text.split()[0]}" for text in TEXTS]


class CutError(Exception):
    """What stands for a crash."""


def build(backbone: TextBackbone) -> Built:
    settings = WrittenBackbone(
        weights=backbone.weights, max_tokens=16, decoder_layers=1, max_answer_tokens=6, dropout=0.1
    )
    torch.manual_seed(5)
    return get_task("summarization").build(settings, LEARNING, Path(), ("text",))


def build_causal(decoder: TextBackbone, method: dict[str, Any]) -> Built:
    settings = ChatBackbone(weights=decoder.weights, max_tokens=48, max_answer_tokens=8, dropout=0.1)
    torch.manual_seed(5)
    built = get_task("text-generation").build(settings, LEARNING, Path(), ("messages",))
    methods: Any = Adaptation
    TypeAdapter(methods).validate_python(method).apply(built.model)
    return built


def run(built: Built, folder: Path, cut: int = 0, **settings: Any) -> Fitted:
    """Train. Args: cut: at this step of the training curve it ends as by a crash; 0: never."""
    asked: Any = TEXTS if built.task.name == "summarization" else [[{"role": "user", "content": one}] for one in TEXTS]
    inputs: Any = built.processor.encode(asked)
    inputs = inputs.labelled(LEARNING.encode(ANSWERS, inputs))

    def observe(curve: str, step: int, point: Any) -> None:
        if curve == "train" and step == cut:
            raise CutError

    objective = Objective(
        LEARNING.loss(SummaryTraining(), ANSWERS),
        LEARNING.keep,
        lambda kept: LEARNING.score(kept, inputs, ANSWERS),
        metric_named(SUMMARIES.metrics, "rougeL"),
    )
    checkpoints = Checkpoints(folder)
    settings = {"precision": "bf16", "log_every": 1, "epochs": 3, "batch_size": 4, "checkpoint_seconds": 0} | settings
    return fit(
        built.model,
        {name: Examples(inputs, TEXTS) for name in ("train", "val")},
        Training.model_validate(settings | {"learning_rate": 1e-2}),
        objective=objective,
        machine=Machine(build_accelerator(), "bf16"),
        records=Records(checkpoints, observe, checkpoints.newest()),
        seed=0,
    )


def test_cut_off_and_taken_up_again_it_ends_with_the_same_bits(backbone: TextBackbone, tmp_path: Path) -> None:
    whole, cut = build(backbone), build(backbone)
    expected = run(whole, tmp_path / "whole")
    for step in (3, 7, 10):
        with pytest.raises(CutError):
            run(build(backbone), tmp_path / "cut", step)
    found = run(cut, tmp_path / "cut")
    assert found.val_curve == expected.val_curve
    assert len(expected.val_curve) == 3
    assert found.train_curve == expected.train_curve
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, cut.model.state_dict()[name]), name


METHODS: list[dict[str, Any]] = [
    {"method": "full"},
    {"method": "prompt_tuning", "tokens": 3},
    {"method": "prefix_tuning", "tokens": 3},
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method["method"])
def test_a_causal_model_too_ends_with_the_same_bits(
    decoders: Mapping[str, TextBackbone], tmp_path: Path, method: dict[str, Any]
) -> None:
    whole, cut = (build_causal(decoders["gpt2"], method) for _ in range(2))
    expected = run(whole, tmp_path / "whole", batch_size=8)
    with pytest.raises(CutError):
        run(build_causal(decoders["gpt2"], method), tmp_path / "cut", 3, batch_size=8)
    found = run(cut, tmp_path / "cut", batch_size=8)
    assert (found.val_curve, found.train_curve) == (expected.val_curve, expected.train_curve)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, cut.model.state_dict()[name]), name


def test_what_does_not_fit_into_memory_is_written_in_parts(
    backbone: TextBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(backbone)
    built.model.eval()
    inputs: Any = built.processor.encode(TEXTS)
    batch = for_model(inputs.batch(range(len(TEXTS))))
    write = Network.answer

    def small(model: Network, part: Batch) -> torch.Tensor:
        if rows(part) > 5:
            raise torch.OutOfMemoryError
        return write(model, part)

    monkeypatch.setattr(Network, "answer", small)
    with torch.inference_mode():
        together = write(built.model, batch)
        parts = memory.halved_when_full(built.model.answer, batch)
    torch.testing.assert_close(parts, together, rtol=1e-4, atol=1e-4, equal_nan=True)
