"""How `generate` of transformers is told to draw tokens, and overheard while it writes."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import torch
from torch import Tensor

from finetrail.models.network import Batch


class GumbelNoise:
    """Noise on logits: the largest of the sums is a draw from softmax(logits / temperature).

    The Gumbel-max trick (Gumbel 1954; Maddison et al. 2014). Each row has a generator of its own, so that its draws do
    not depend on the rows beside it.

    Args:
        seeds: of the rows (B,).
        temperature: of the rows (B,).
    """

    def __init__(self, seeds: Tensor, temperature: Tensor) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds.tolist()]
        self._temperature = temperature.unsqueeze(1)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The logits of the next token (B, V) with noise."""
        waits = [torch.empty(scores.shape[1]).exponential_(generator=one) for one in self._generators]
        noise = -torch.stack(waits).clamp(min=torch.finfo(torch.float32).tiny).log()
        # Not divided by the temperature, which may be tiny.
        return scores + self._temperature * noise.to(scores)


def asked(batch: Batch) -> dict[str, Any]:
    """What `generate` is told beside the texts: nothing, unless a caller decides; see `WrittenInputs.batch`."""
    from transformers import LogitsProcessorList

    if "temperature" not in batch:
        return {}
    most = {"max_new_tokens": int(batch["most"].max())}
    if not batch["temperature"].any():
        return most
    noise = GumbelNoise(batch["seeds"], batch["temperature"])
    alone = {"num_beams": 1, "num_return_sequences": 1, "early_stopping": False, "length_penalty": 1.0}
    return most | alone | {"logits_processor": LogitsProcessorList([noise])}


class _LeftError(Exception):
    """Nobody listens any more."""


class _Streamer:
    """What `generate` hands each token to. Attributes: left: set when nobody listens any more."""

    def __init__(self) -> None:
        self.heard: SimpleQueue[int | BaseException | None] = SimpleQueue()
        self.left = Event()
        self._begun = False

    def put(self, tokens: Tensor) -> None:
        if self.left.is_set():
            raise _LeftError
        if self._begun:  # the first call has the prompt
            self.heard.put(int(tokens[0]))
        self._begun = True

    def end(self) -> None:
        """Nothing to do: the thread tells that it is done, or failed."""


def overheard(write: Callable[[Any], Any]) -> Iterator[int]:
    """The tokens of one text while another thread writes it; it stops when the iterator is closed.

    Args:
        write: given a streamer of transformers.
    """
    streamer = _Streamer()

    def run() -> None:
        try:
            with torch.inference_mode():
                write(streamer)
            streamer.heard.put(None)
        except _LeftError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where somebody listens
            streamer.heard.put(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while (found := streamer.heard.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        streamer.left.set()
        thread.join()
