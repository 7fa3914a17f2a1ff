"""The peer of a training step: transformers' `Trainer`, tuned by hand, on the library's own model and the same tokens.

Tuned is what its documentation recommends for speed: bfloat16, padding to the longest row of a batch, rows grouped by
length, a fused optimiser, two loader workers. `Seq2SeqTrainer` differs in its evaluation alone.
"""

import tempfile
from pathlib import Path
from typing import Any

from torch.optim import AdamW
from torch.optim.lr_scheduler import ConstantLR
from transformers import (
    AutoModelForQuestionAnswering,
    DataCollatorForSeq2Seq,
    DataCollatorWithPadding,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from finetrail.locations import locate_weights
from peers.steps import RATE, Clock, Steps, build, library_model


class Ends(TrainerCallback):  # type: ignore[misc]
    """Tells the clock of each step's end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self._clock.ended()


def main() -> None:
    steps = Steps.read()
    built, inputs = build(steps)
    tokenizer: Any = built.processor.tokenizer  # type: ignore[attr-defined]
    rows = [inputs.batch([index]) for index in range(len(inputs))]
    network = library_model(built, steps)
    trainer, arguments = Trainer, TrainingArguments
    if steps.task == "question-answering":
        model = AutoModelForQuestionAnswering.from_pretrained(
            locate_weights(steps.backbone["weights"], Path()),
            local_files_only=True,
            trust_remote_code=False,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        data = [question(row) for row in rows]
        collator: Any = DataCollatorWithPadding(tokenizer)
    else:
        model = network.model
        model.is_quantized = False  # a GGUF file's weights are floats by now
        written = steps.task != "text-generation"
        data = [summary(row) if written else conversation(row) for row in rows]
        tokenizer.padding_side = "right"
        collator = DataCollatorForSeq2Seq(tokenizer, model if written else None)
        if written:
            trainer, arguments = Seq2SeqTrainer, Seq2SeqTrainingArguments
            model.config.decoder_start_token_id = network.start
            model.config.pad_token_id = tokenizer.pad_token_id
    optimizer = AdamW([one for one in model.parameters() if one.requires_grad], lr=RATE, fused=True)
    clock = Clock(len(data), steps.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        given = arguments(
            folder,
            num_train_epochs=steps.epochs,
            per_device_train_batch_size=steps.batch_size,
            bf16=True,
            train_sampling_strategy="group_by_length",
            dataloader_num_workers=2,
            dataloader_persistent_workers=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            eval_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            remove_unused_columns=False,
            use_cpu=True,
        )
        schedule = ConstantLR(optimizer, factor=1.0)
        trainer(
            model,
            given,
            data_collator=collator,
            train_dataset=data,
            callbacks=[Ends(clock)],
            optimizers=(optimizer, schedule),
        ).train()
    clock.stop()


def question(row: Any) -> dict[str, Any]:
    """A window with the places of the answer among its tokens."""
    start, end = (int(row["places"][0][target]) for target in row["targets"][0])
    known = {name: row[name][0].tolist() for name in ("input_ids", "attention_mask", "token_type_ids") if name in row}
    return known | {"start_positions": start, "end_positions": end}


def summary(row: Any) -> dict[str, Any]:
    """A text, and its answer as labels."""
    known = {name: row[name][0].tolist() for name in ("input_ids", "attention_mask")}
    return known | {"labels": row["references"][0].tolist()}


def conversation(row: Any) -> dict[str, Any]:
    """A prompt with its answer, which alone is learnt."""
    prompt, answer = row["input_ids"][0].tolist(), row["references"][0].tolist()
    ids = prompt + answer
    return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [-100] * len(prompt) + answer}


if __name__ == "__main__":
    main()
