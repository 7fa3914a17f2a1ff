"""What an evaluation of a model that writes costs, beside a forward pass for each token that it writes."""

import json
import time
from typing import Any

import torch

from finetrail.inference.device import full_precision
from finetrail.inference.predict import predict
from peers.steps import Steps, build, library_model, some

BATCH = 8


def main() -> None:
    steps = Steps.read()
    built, inputs = build(steps)
    model, writer = built.model.eval(), library_model(built, steps)
    rows = inputs.batch(range(BATCH))
    with full_precision(), torch.no_grad():
        predict(model, some(inputs, BATCH), built.learning.keep, BATCH)
        started = time.perf_counter()
        kept = predict(model, some(inputs, BATCH), built.learning.keep, BATCH)
        evaluation = time.perf_counter() - started
        written = max(row.shape[1] - 1 for row in kept)
        each = forward(writer, rows, written)
    found = {"tokens": written, "evaluation": evaluation, "forward passes": each * written}
    print(json.dumps(found | {"ratio": evaluation / (each * written)}), flush=True)


def forward(writer: Any, rows: Any, written: int) -> float:
    """Seconds of a forward pass for one token of each text, with everything in front of it in the cache: the mean.

    The passes go on from the texts for as many tokens as the evaluation wrote.
    """
    model, told = writer.model, writer.told(rows)
    token = rows["input_ids"].new_full((BATCH, 1), writer.end)
    known: dict[str, Any] = {}
    if "encoder_outputs" in told:
        known = {name: told[name] for name in ("encoder_outputs", "attention_mask")}
        ids, name = token, "decoder_input_ids"
    else:
        ids, name = rows["input_ids"], "input_ids"
    found = model(**{name: ids}, **known, use_cache=True)
    started = time.perf_counter()
    for _ in range(written):
        found = model(**{name: token}, **known, past_key_values=found.past_key_values, use_cache=True)
    return (time.perf_counter() - started) / written


if __name__ == "__main__":
    main()
