"""Image models of transformers, without their heads."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.image.backbones.transformers_detectors import divided, is_detector, settle
from finetrail.contents.image.backbones.whole import Body, WholeModel
from finetrail.contents.image.preprocessing import Preprocessing, overridden
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError
from finetrail.locations import locate_weights
from finetrail.models.weights import refuse_quantised, refuse_unusable

_PREPROCESSOR = "preprocessor_config.json"
_IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_BARE = ("segformer",)
"""Types whose classifiers stay where they have no classes; the model without one is used."""
_INTERPOLATIONS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}  # Pillow's numbers


class Features(nn.Module):
    """A transformers model that returns the input of its classifier, (B, D).

    Args:
        model: an image classification model without its classifier, or a model that pools by itself.
        image_size: of the images; a model built for another size interpolates its position embeddings.
    """

    def __init__(self, model: Any, image_size: int) -> None:
        super().__init__()
        self.model = model
        can = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters
        own = getattr(model.config, "image_size", None)
        self.options = {"interpolate_pos_encoding": True} if can and own not in (image_size, [image_size] * 2) else {}

    def forward(self, pixels: Tensor) -> Tensor:
        output = self.model(pixel_values=pixels, **self.options)
        if "logits" in output:
            features: Tensor = output.logits
        elif "pooler_output" in output:
            features = output.pooler_output
        else:
            features = output.last_hidden_state.mean((2, 3))  # of the places of a map
        return features.flatten(1)


def load(settings: ImageBackbone, root: Path) -> tuple[nn.Module | WholeModel, Preprocessing]:
    """Build a network from a folder or a hub name with configuration, safetensors and preprocessor_config.json.

    Raises:
        ModelError: the folder holds no such model, or lacks some of its weights.
        SourceError: see `finetrail.locations.locate_weights`.
    """
    if settings.weights == "random":
        model, own = _random(settings)
    elif settings.name == "transformers" and settings.weights_address is not None:
        folder = locate_weights(settings.weights, root)
        model = _pretrained(settings.weights, folder)
        own = _own_preprocessing(settings, folder, model.config)
    else:
        raise ModelError(
            f"backbone {settings.name!r} with weights {settings.weights!r} names no folder; set name to "
            "`transformers` and weights to a folder or an hf:// address"
        )
    preprocessing = overridden(own, settings)
    if is_detector(model.config):
        return divided(model), replace(preprocessing, stretch=True)
    return Features(model, preprocessing.image_size), preprocessing


def rebuild(name: str, image_size: int, folder: Path) -> nn.Module | WholeModel:
    """The network that `load` gave, without its weights. Raises: ModelError: its configuration is damaged."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = _class_for(config).from_config(config, dtype=torch.float32, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder} is not a complete model ({cause}); `dvc checkout` restores a tracked model"
        ) from error
    return divided(model) if is_detector(config) else Features(model, image_size)


def save(network: nn.Module, folder: Path) -> None:
    """Write the configuration, without the path that it was loaded from."""
    whole: Any = network if isinstance(network, Body) else network.model
    config = whole.config
    config._name_or_path = ""
    config.save_pretrained(folder)


def _pretrained(address: str, folder: Path) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoConfig

    refuse_quantised(folder, address)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        _leave_out_classifier(config)
        model, report = _class_for(config).from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
            trust_remote_code=False,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{address!r} holds no image model with safetensors weights ({cause}); name another folder"
        ) from error
    # Weights that the file lacks would be random, without an error.
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{address!r} lacks {len(missing)} tensors that its own configuration needs, such as {missing[0]}; "
            "name a folder with complete weights"
        )
    refuse_unusable(model.state_dict(), address)
    return model


def _random(settings: ImageBackbone) -> tuple[Any, Preprocessing]:
    from transformers import AutoConfig

    kind = settings.name.partition("/")[2]
    try:
        config = AutoConfig.for_model(kind)
        _leave_out_classifier(config)
        _choose_architecture(config)
        model = _class_for(config).from_config(config, dtype=torch.float32, trust_remote_code=False)
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"{settings.name!r} is not an image model type that can start with random weights; "
            "write, for example, transformers/vit"
        ) from error
    size = _pixels(getattr(config, "image_size", 224))
    return model, Preprocessing(size, size, _IMAGENET["mean"], _IMAGENET["std"], "bilinear")


def _class_for(config: Any) -> Any:
    from transformers import AutoModel, AutoModelForImageClassification, AutoModelForObjectDetection
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    if is_detector(config):
        return AutoModelForObjectDetection
    classifies = type(config) in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING and config.model_type not in _BARE
    return AutoModelForImageClassification if classifies else AutoModel


def _choose_architecture(config: Any) -> None:
    """Choose the plain classifier, which comes first, of a kind with several, such as DeiT with its teacher's."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    classes = MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING.get(type(config), None)
    if isinstance(classes, tuple):
        config.architectures = [classes[0].__name__]


def _leave_out_classifier(config: Any) -> None:
    if is_detector(config):
        settle(config)
        return
    config.num_labels = 0  # tells transformers to put no classifier on the features


def _own_preprocessing(settings: ImageBackbone, folder: Path, config: Any) -> Preprocessing:
    """What preprocessor_config.json says, in our terms; where it is of no use, what the settings and `config` say."""
    stated = _stated(settings, config)
    if not (folder / _PREPROCESSOR).exists():
        if stated is None:
            raise ModelError(
                f"{settings.weights!r} holds no {_PREPROCESSOR}; set backbone.mean and backbone.std, or name a folder "
                "that has one"
            )
        return stated
    from transformers import AutoImageProcessor

    try:
        own = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        size = _pixels(own.size)
        cropped = getattr(own, "do_center_crop", None) and own.crop_size
        share = getattr(own, "crop_pct", None)
        if cropped:
            image_size, resize = _pixels(own.crop_size), size
        elif share and size < 384:  # as ConvNeXt writes it, after timm
            image_size, resize = size, int(size / share)
        else:
            image_size = resize = size
        # Pixels are scaled by `rescale_factor` first, which is nearly always 1/255.
        unit = 255 * (own.rescale_factor if own.do_rescale else 1.0)
        mean, std = (own.image_mean, own.image_std) if own.do_normalize else ((0.0,) * 3, (1.0,) * 3)
        interpolation = _INTERPOLATIONS[int(own.resample if own.resample is not None else 2)]
        means, deviations = ([float(value) / unit for value in values] for values in (mean, std))
        return Preprocessing(image_size, max(resize, image_size), _three(means), _three(deviations), interpolation)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if stated is not None:
            return stated
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ModelError(
            f"{settings.weights!r} has a {_PREPROCESSOR} that cannot be used ({cause}); set backbone.mean and "
            "backbone.std"
        ) from error


def _stated(settings: ImageBackbone, config: Any) -> Preprocessing | None:
    if settings.mean is None or settings.std is None:
        return None
    size = settings.image_size or _pixels(getattr(config, "image_size", 224))
    return Preprocessing(size, size, settings.mean, settings.std, "bilinear")


def _three(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue


def _pixels(size: Any) -> int:
    """The length of a side, in any of the forms that transformers writes."""
    if isinstance(size, int):
        return size
    if isinstance(size, (list, tuple)):
        return int(min(size))
    for key in ("shortest_edge", "height"):
        if size.get(key):
            return int(size[key])
    raise ValueError(f"no size in {size}")
