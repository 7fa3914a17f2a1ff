"""Encoders that give a vector for each word: what is frozen of them is computed once, too."""

from pathlib import Path

import pytest
import torch
from torch import nn

from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.methods import Adaptation
from finetrail.contents.text.backbone import load_pretrained
from finetrail.contents.text.settings import TextBackbone
from finetrail.inference.features import MASK, RaggedFeatures
from finetrail.models.network import Network, for_model
from finetrail.training.block_outputs import BlockOutputs
from finetrail.training.frozen import computed_once
from finetrail.training.settings import Training

TEXTS = ["good fine great door", "bad", "the superb house of stone by", "sad awful weak cloud river " * 6, "poor", "a"]


@pytest.mark.parametrize(
    ("adaptation", "expected"),
    [(LinearProbe(method="linear_probe"), RaggedFeatures), (LastLayers(method="last_layers", layers=1), BlockOutputs)],
)
def test_words_get_the_same_outputs_from_what_was_computed_once(
    adaptation: Adaptation, expected: type[object], encoder_folder: Path, tmp_path: Path
) -> None:
    backbone = TextBackbone(weights=str(encoder_folder), max_tokens=16, dropout=0.3)
    loaded = load_pretrained(backbone, Path(), "words", ["text"])
    model = Network(loaded.network, nn.Linear(loaded.width, 3))
    inputs = loaded.processor.encode(TEXTS)
    assert len(inputs) > len(TEXTS)  # the long one is cut into windows
    adaptation.apply(model)
    with computed_once(model, {"train": inputs}, Training(), "fp32", scratch=tmp_path) as fed, torch.no_grad():
        short = fed["train"]
        assert isinstance(short, expected)
        assert (len(short), list(short.rows)) == (len(inputs), list(inputs.rows))
        order = [3, 0, 5, 4]
        batch, whole = short.batch(order), inputs.batch(order)
        mask = whole[MASK]
        assert torch.equal(batch[MASK], mask)
        outputs, usual = model.eval()(for_model(batch)), model(for_model(whole))
    torch.testing.assert_close(outputs[mask], usual[mask], rtol=1e-4, atol=1e-5)
