"""A backbone of transformers and its head as the model that transformers itself makes of the two."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from finetrail.contents.exported import TOLERANCE, Exported, check_apart
from finetrail.contents.image.fitted.cards import Runtime, exported
from finetrail.contents.image.fitted.preprocessor import stretching
from finetrail.models.network import Network
from finetrail.models.told import Told, Whole
from finetrail.workspace import write_json


def completes(network: Network, whole: Whole | None) -> bool:
    """Whether a head is of the same model as the backbone."""
    backbone: Any = network.backbone
    config = getattr(getattr(backbone.network, "model", None), "config", None)
    return whole is not None and config is not None and config.model_type == whole.kind


def export_completed(network: Network, processor: Any, folder: Path, told: Told, names: list[str]) -> Exported:
    """Write configuration, safetensors and preprocessing, and read them back to compare.

    Args: see `finetrail.contents.image.fitted.export.export_fitted`; `told` has a `whole`.

    Raises:
        ModelError: see `check_apart`.
    """
    import transformers

    backbone: Any = network.backbone
    whole: Any = told.whole
    own, source = processor.preprocessing, backbone.network.model
    config = copy.deepcopy(source.config)
    config.id2label, config.label2id = dict(enumerate(names)), {name: place for place, name in enumerate(names)}
    for name, value in whole.settings.items():
        setattr(config, name, value)
    config._name_or_path = ""
    auto = getattr(transformers, whole.auto)
    model = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    tensors = {f"{model.base_model_prefix}.{name}": one for name, one in source.state_dict().items()}
    model.load_state_dict({**tensors, **whole.tensors(network.head)})
    model.save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", stretching(own, whole.processor))
    write_json(folder / "labels.json", names)
    again = auto.from_pretrained(folder, local_files_only=True, trust_remote_code=False).eval()
    pixels = torch.randn(1, 3, *own.canvas[::-1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = network.head(backbone.packed(pixels))
        check_apart(told.apart(told.module(ours), told.module(again(pixel_values=pixels).logits)), "hf", TOLERANCE)
    opens = f"""from transformers import {whole.auto}

torch.set_grad_enabled(False)
model = {whole.auto}.from_pretrained(".", trust_remote_code=False).eval()

{whole.reads}"""
    called = "answered(model(pixel_values=torch.from_numpy(pixels)))"
    said = exported(own, told, Runtime("transformers", ("torch", "transformers"), opens, called))
    return replace(said, note=f"{whole.note} {said.note}", pipes=True)
