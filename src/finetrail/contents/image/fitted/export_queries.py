"""A whole detector of transformers that was fine-tuned, as transformers' own model, which its pipeline loads."""

import copy
from pathlib import Path
from textwrap import indent
from typing import Any

import torch

from finetrail.contents.exported import Asking, Exported, Outputs, Snippet, check, describe
from finetrail.contents.image.backbones.transformers_detectors import BODIES
from finetrail.contents.image.backbones.whole import unfrozen
from finetrail.contents.image.export_asked import NOTE, OPENED, laid_out
from finetrail.contents.image.fitted.preprocessor import stretching
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.network import Network
from finetrail.models.told import Told
from finetrail.workspace import write_json

_PROCESSORS = {"detr": "DetrImageProcessor", "yolos": "YolosImageProcessor", "rt_detr": "RTDetrImageProcessor"}


def export_queries(network: Network, processor: Any, folder: Path, told: Told, names: list[str]) -> Exported:
    """Write weights, configuration and preprocessing, and read them back to compare.

    Raises:
        ModelError: they answer otherwise.
    """
    from transformers import AutoModelForObjectDetection

    backbone: Any = network.backbone
    own: Preprocessing = processor.preprocessing
    config = copy.deepcopy(backbone.network.config)
    describe(config, Outputs(names, "object_detection", lambda names: ""))
    like = AutoModelForObjectDetection.from_config(config, dtype=torch.float32, trust_remote_code=False)
    prefix = BODIES[config.model_type]
    body = {f"{prefix}.{key}": one for key, one in backbone.network.model.state_dict().items()}
    library: Any = told.library
    like.load_state_dict(unfrozen(like, body | dict(library.state(network.head))))
    like.save_pretrained(folder)
    boxes = {"format": "coco_detection", "do_pad": False, "do_convert_annotations": True}
    write_json(folder / "preprocessor_config.json", stretching(own, _PROCESSORS[config.model_type]) | boxes)
    again = AutoModelForObjectDetection.from_pretrained(folder, local_files_only=True, trust_remote_code=False).eval()
    size = own.image_size
    pixels = torch.randint(0, 256, (1, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.no_grad():
        found = again(pixel_values=pixels.float() * backbone.scale + backbone.shift)
        theirs = torch.cat([found.logits, found.pred_boxes], dim=2)
        check(network({"pixels": pixels})[:, : theirs.shape[1], : theirs.shape[2]], theirs, "hf")
    reads = f"It sees a whole image, stretched to {size} x {size} pixels."
    packages = ("transformers", "torch", "torchvision", "numpy", "pillow")
    asking = Asking(laid_out, kept=told.kept)
    loads = 'pipeline("object-detection", model=".", trust_remote_code=False)'
    note = f"`{loads}` loads it too, and rounds boxes to whole pixels. "
    return Exported("transformers", packages, _snippet(told), reads, asking, note + NOTE, pipes=True)


def _snippet(told: Told) -> Snippet:
    library: Any = told.library
    options = library.options
    opens = f"""import numpy, torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForObjectDetection

processor = AutoImageProcessor.from_pretrained(".", backend="pil", trust_remote_code=False)
model = AutoModelForObjectDetection.from_pretrained(".", trust_remote_code=False).eval()
labels = model.config.id2label

def detect(path):
    image = {OPENED}
    with torch.no_grad():
        outputs = model(**processor(images=image, return_tensors="pt"))
    (one,) = processor.post_process_object_detection(
        outputs, threshold={options["threshold"]}, target_sizes=[image.size[::-1]]
    )
    best = one["scores"].argsort(descending=True)[:{options["most"]}]
    return image.size, *(one[name][best].numpy() for name in ("boxes", "labels", "scores"))
"""
    answers = f"""found = []
for path in paths:
    size, {", ".join(told.names)} = detect(path)
    fitted = size
{indent(told.code, "    ")}"""
    return Snippet(opens, "paths", '["image.png"]', answers, outputs="found")
