"""Networks of timm, without their heads."""

import difflib
import math
from pathlib import Path
from typing import Any

from torch import nn

from finetrail.contents.image.backbones.state_dicts import put_in, read_state
from finetrail.contents.image.preprocessing import Preprocessing, overridden
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError
from finetrail.locations import locate, locate_weights


def load(settings: ImageBackbone, root: Path) -> tuple[nn.Module, Preprocessing]:
    """Build a network with the weights that the settings name.

    Raises:
        ModelError: there is no such model, or no weights of it, or they do not fit.
        SourceError: the weights cannot be fetched.
    """
    name = settings.name.removeprefix("timm/")
    if settings.weights not in ("pretrained", "random") and settings.weights_address is None:
        raise ModelError(
            f"{settings.name!r} has no weights {settings.weights!r}; use `pretrained`, `random`, or the address of "
            "a file"
        )
    network = _create(name, _hub_file(name, root) if settings.weights == "pretrained" else None)
    own = _own_preprocessing(network)
    preprocessing = overridden(own, settings)
    if settings.weights_address is not None:
        classifier = network.pretrained_cfg.get("classifier") or ()
        heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
        state = read_state(settings.weights, locate_weights(settings.weights, root))
        put_in(network, settings.weights, state, settings.match, heads)
    _set_size(network, name, preprocessing.image_size)
    return network, preprocessing


def rebuild(name: str, image_size: int, folder: Path) -> nn.Module:
    """The network that `load` gave, without its weights."""
    network: nn.Module = _create(name.removeprefix("timm/"))
    _set_size(network, name, image_size)
    return network


def save(network: nn.Module, folder: Path) -> None:
    """A name and a size are all that `rebuild` needs."""


def _create(name: str, file: Path | None = None) -> Any:
    """A network without its head. Args: file: timm's own weights for it, which timm loads; None for random ones."""
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise ModelError(f"timm has no model {name!r}; {hint}`timm.list_models()` lists them")
    own = {"pretrained_cfg_overlay": {"file": str(file), "custom_load": False}} if file else {}
    try:
        return timm.create_model(name, pretrained=bool(file), num_classes=0, **own)
    except (RuntimeError, ValueError) as error:  # no such tag, or a file of another model
        raise ModelError(
            f"timm cannot build {name!r} ({' '.join(str(error).split())[:200]}); correct backbone.name or weights"
        ) from error


def _hub_file(name: str, root: Path) -> Path:
    """Fetch timm's own weights. Raises: ModelError: the hub has none as safetensors. SourceError: no hub."""
    import timm

    config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if config is None or not config.hf_hub_id:
        _create(name)  # raises if the name is wrong
        raise ModelError(f"timm has no weights of {name!r} on the hub; use `random`, or the address of a file")
    # timm's own downloader would try for a minute without a network, and would accept a pickle.
    folder = locate(f"hf://{config.hf_hub_id}", root)
    file = folder / "model.safetensors"
    if not file.exists():
        raise ModelError(f"hf://{config.hf_hub_id} holds no model.safetensors; use another tag of {name!r}")
    return file


def _own_preprocessing(network: nn.Module) -> Preprocessing:
    from timm.data import resolve_model_data_config

    own = resolve_model_data_config(network)
    size = own["input_size"][-1]
    return Preprocessing(
        image_size=size,
        resize=math.floor(size / own["crop_pct"]),
        mean=tuple(own["mean"]),
        std=tuple(own["std"]),
        interpolation="bicubic" if own["interpolation"] == "random" else own["interpolation"],
    )


def _set_size(network: Any, name: str, image_size: int) -> None:
    """Set another image size in a network that is bound to one; interpolates position embeddings."""
    built = network.pretrained_cfg["input_size"][-1]
    if built == image_size or not hasattr(network, "set_input_size"):
        return
    try:
        network.set_input_size(img_size=(image_size, image_size))
    except (AssertionError, ValueError, RuntimeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(f"{name!r} cannot be set to {image_size} pixels ({cause}); change image_size") from error
