"""A merged adaptation answers as it did beside the weights, or the candidate is not written."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from finetrail.adaptation.full import Full
from finetrail.adaptation.ia3 import Ia3
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.method import Method
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import RoundTripError
from finetrail.inference.questions import SAMPLE
from finetrail.models.network import Network
from finetrail.serving.answer import answers_to
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from finetrail.training.merging import merge

WORDS = ["good", "fine", "superb", "bad", "awful", "weak", "table", "river"]
TEXTS = [f"{WORDS[n % 8]} {WORDS[n // 8 % 8]} {WORDS[n // 64 % 8]}" for n in range(SAMPLE + 44)]
F1 = get_task("text-classification").target.metrics[-1]


class Forgetful(Lora):
    """Takes the updates away instead of adding them."""

    def merge(self, model: Network) -> None:
        backbone: torch.nn.Module = model.backbone
        model.backbone = backbone.unload()  # type: ignore[operator]


def _trained(backbone: TextBackbone, method: Method) -> Built:
    """A model with adapters that matter, without a favourite answer."""
    task = get_task("text-classification")
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(3)
        built = task.build(backbone, task.target.learned({"labels": ["bad", "good"]}), Path(), ["text"])
        method.apply(built.model)
        for name, parameter in built.model.named_parameters():
            if "lora_B" in name or "ia3" in name:
                parameter.normal_(std=0.5)
        built.model.eval()
        built.model.head.get_parameter("bias").sub_(torch.from_numpy(answers_to(built, TEXTS).mean(axis=0)))
    return built


def _rows(built: Built, split: Path) -> pd.DataFrame:
    """Rows whose labels are what the model answers."""
    split.mkdir()
    labels = built.codec.say(answers_to(built, TEXTS))["label"]
    rows = pd.DataFrame({"id": [f"{(n * 7919) % 65536:04x}" for n in range(len(TEXTS))], "label": labels})
    table = pa.table({"id": rows["id"], "text": TEXTS, "label": labels})
    pq.write_table(table, split / "part-00000.parquet")
    return rows


@pytest.mark.parametrize("method", [Lora(method="lora"), Lora(method="lora", dora=True), Ia3(method="ia3")])
def test_a_merged_model_has_the_metric_that_it_had_before(
    backbone: TextBackbone, tmp_path: Path, method: Method
) -> None:
    built = _trained(backbone, method)
    rows = _rows(built, tmp_path / "val")
    before = answers_to(built, TEXTS)
    found = merge(built, method, tmp_path / "val", rows, F1)
    assert found == dict.fromkeys(("accuracy", "macro_precision", "macro_recall", "macro_f1"), 1.0)
    assert not any("lora" in name or "ia3" in name for name, _ in built.model.named_parameters())
    assert abs(answers_to(built, TEXTS) - before).max() < 1e-3 * abs(before).max()


def test_a_merge_that_loses_the_updates_is_refused_by_the_metric(backbone: TextBackbone, tmp_path: Path) -> None:
    method = Forgetful(method="lora")
    built = _trained(backbone, method)
    message = (
        r"^macro F1 of the merged model is 0\.\d+ on 256 validation rows, but 1 where it was trained: \d+ answers are "
        r"other ones, .*; nothing was written: train the candidate with another adaptation\.method$"
    )
    rows = _rows(built, tmp_path / "val")
    with pytest.raises(RoundTripError, match=message):
        merge(built, method, tmp_path / "val", rows, F1)


def test_where_nothing_is_merged_nothing_is_asked(backbone: TextBackbone, tmp_path: Path) -> None:
    method = Full(method="full")
    assert not method.merges
    assert merge(_trained(backbone, method), method, tmp_path / "nowhere", pd.DataFrame(), F1) == {}
