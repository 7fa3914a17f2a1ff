"""Encoder-decoders: they learn and write as transformers' own do, alone and in batches, saved and exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    T5Config,
    T5ForConditionalGeneration,
)

from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.contents.text.settings import WrittenBackbone
from finetrail.contents.text.writing.encoder_decoder import EncoderDecoder
from finetrail.contents.text.writing.inputs import WrittenInputs
from finetrail.errors import ConfigError, ModelError
from finetrail.targets.sequences.codec import SequenceCodec
from finetrail.targets.sequences.learning import SequenceLearning
from finetrail.targets.sequences.settings import SummaryTraining
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built

TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "cloud " * 10]
ANSWERS = ["fine", "a door", "stone stone", "the river by the house"]
LEARNING = SequenceLearning(SequenceCodec())
MOST = 12


SIZES: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "eos_token_id": 3,
    "forced_eos_token_id": 3,
    "init_std": 0.5,
}


def tiny_bart(size: int) -> Any:
    return BartForConditionalGeneration(BartConfig(vocab_size=size, bos_token_id=2, decoder_start_token_id=3, **SIZES))


def tiny_marian(size: int) -> Any:
    return MarianMTModel(MarianConfig(vocab_size=size, decoder_start_token_id=0, **SIZES))


def tiny_t5(size: int) -> Any:
    config = T5Config(
        vocab_size=size,
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=3,
        decoder_start_token_id=0,
        initializer_factor=2.0,
    )
    return T5ForConditionalGeneration(config)


KINDS: dict[str, Callable[[int], Any] | None] = {
    "bart": tiny_bart,
    "marian": tiny_marian,
    "t5": tiny_t5,
    "bert": None,
}


@pytest.fixture(scope="module", params=KINDS)
def weights(request: pytest.FixtureRequest, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder-decoder with random weights, or the encoder alone."""
    make = KINDS[request.param]
    if make is None:
        return tiny_bert
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert, trust_remote_code=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make(len(tokenizer))
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def section(weights: Path, **settings: Any) -> WrittenBackbone:
    layers = None if (weights / "generation_config.json").exists() else 2
    given = {"max_tokens": 32, "max_answer_tokens": MOST, "decoder_layers": layers, "dropout": 0.0} | settings
    return WrittenBackbone(weights=str(weights), **given)


def build(weights: Path, **settings: Any) -> Built:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = get_task("summarization").build(section(weights, **settings), LEARNING, Path(), ("text",))
        for parameter in built.model.parameters():  # so that answers differ
            if parameter.ndim > 1 and parameter.requires_grad:
                parameter.data.normal_(0, 0.5)
    built.model.eval()
    return built


def labelled(built: Built) -> WrittenInputs:
    inputs: Any = built.processor.encode(TEXTS)
    return inputs.labelled(LEARNING.encode(ANSWERS, inputs))  # type: ignore[no-any-return]


def theirs(built: Built) -> Any:
    backbone: Any = built.model.backbone
    return backbone.model


@pytest.mark.filterwarnings("ignore:Version v4.12.0 introduces")
def test_the_loss_is_that_of_transformers(weights: Path) -> None:
    built = build(weights)
    inputs = labelled(built)
    batch = inputs.batch(range(len(TEXTS)))
    loss = LEARNING.loss(SummaryTraining(), ANSWERS)
    own, backbone = loss(built.model(batch), batch), built.model.backbone
    assert isinstance(backbone, EncoderDecoder)
    before = torch.cat([batch["targets"].new_full((len(TEXTS), 1), backbone.start), batch["targets"][:, :-1]], dim=1)
    expected = theirs(built)(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        labels=batch["targets"],
        decoder_input_ids=before.masked_fill(before < 0, backbone.end),
    ).loss
    torch.testing.assert_close(own, expected)


@pytest.mark.parametrize("beams", [1, 3])
def test_it_writes_what_transformers_writes(weights: Path, beams: int) -> None:
    built = build(weights, beams=beams)
    inputs: Any = built.processor.encode(TEXTS)
    batch = inputs.batch(range(len(TEXTS)))
    with torch.inference_mode():
        kept = LEARNING.keep(built.model.answer(batch), batch)
        found = theirs(built).generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            do_sample=False,
            num_beams=beams,
            num_return_sequences=1,
            early_stopping=beams > 1,
            max_new_tokens=MOST,
            forced_eos_token_id=None,
            return_dict_in_generate=True,
            output_scores=True,
        )
    answers = LEARNING.answers(kept, inputs)
    assert answers.texts == inputs.writing.texts(found.sequences[:, 1:].tolist())
    assert len({*answers.texts}) > 1
    if beams == 1:
        logs = theirs(built).compute_transition_scores(found.sequences, found.scores, normalize_logits=True)
        for row, log, count in zip(answers.scores, logs, answers.tokens, strict=True):
            assert row == pytest.approx(float(log[:count].double().mean()), abs=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_text_has_the_same_answer_alone_and_in_a_padded_batch(weights: Path, beams: int) -> None:
    built = build(weights, beams=beams)
    inputs: Any = built.processor.encode(TEXTS)
    with torch.inference_mode():
        batches = [inputs.batch(range(len(TEXTS))), *(inputs.batch([row]) for row in range(len(TEXTS)))]
        together, *alone = [LEARNING.keep(built.model.answer(batch), batch) for batch in batches]
    one, other = (LEARNING.answers(kept, inputs) for kept in (together, [row for kept in alone for row in kept]))
    assert one.texts == other.texts
    assert LEARNING.codec.apart(one, other).max() < 1e-4
    assert one.margins == pytest.approx(other.margins, abs=1e-4)


def test_each_token_costs_one_step_of_the_decoder(weights: Path) -> None:
    """Its keys and values are kept from step to step."""
    built = build(weights)
    inputs: Any = built.processor.encode(TEXTS)
    batch = inputs.batch(range(len(TEXTS)))
    widths: list[int] = []
    hook = (
        theirs(built)
        .get_output_embeddings()
        .register_forward_hook(lambda module, given, output: widths.append(output.shape[1]))
    )
    with torch.inference_mode():
        built.model.answer(batch)
    hook.remove()
    steps, passes = widths[:-1], widths[-1:]
    assert set(steps) == {1}
    assert passes == [len(steps)]  # once more, for the probabilities of the whole answer


def test_the_loss_of_a_reference_is_kept_beside_the_answer(weights: Path) -> None:
    built = build(weights)
    inputs = labelled(built)
    batch = inputs.batch(range(len(TEXTS)))
    with torch.inference_mode():
        kept = LEARNING.keep(built.model.answer(batch), batch)
        loss = LEARNING.loss(SummaryTraining(), ANSWERS)(built.model(batch), batch)
    lost, tokens = sum(float(row[0, 0]) for row in kept), sum(float(row[1, 0]) for row in kept)
    assert tokens == sum(inputs.targets.lengths)  # type: ignore[union-attr]
    assert lost / tokens == pytest.approx(float(loss), rel=1e-5)


def test_saved_and_loaded_it_writes_the_same_bits(weights: Path, tmp_path: Path) -> None:
    built = build(weights)
    built.task.save(built, section(weights), tmp_path / "one")
    again = load_model(tmp_path / "one")
    batch = built.processor.encode(TEXTS).batch(range(len(TEXTS)))
    with torch.inference_mode():
        one, other = built.model.answer(batch), again.model.answer(batch)
    torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    again.task.save(again, section(weights), tmp_path / "two")
    for file in (file for file in (tmp_path / "one").rglob("*") if file.is_file()):
        assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes(), file.name


def test_words_that_input_and_output_share_are_one_parameter(weights: Path) -> None:
    built = build(weights)
    state, parameters = built.model.state_dict(), dict(built.model.named_parameters())
    assert list(state) == [name for name in state if name in parameters or not state[name].requires_grad]
    embedding = theirs(built).get_input_embeddings() if hasattr(theirs(built), "shared") else None
    if embedding is not None:
        assert theirs(built).get_output_embeddings().weight is embedding.weight
    pointers = [tensor.data_ptr() for tensor in state.values() if tensor.numel()]
    assert len(set(pointers)) == len(pointers)


def test_lora_leaves_the_words_alone_and_merges(weights: Path) -> None:
    built = build(weights)
    before = {name: tensor.clone() for name, tensor in built.model.state_dict().items()}
    adaptation = Lora(method="lora", r=2)
    adaptation.apply(built.model)
    trained = [name for name, parameter in built.model.named_parameters() if parameter.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    assert built.model.writes
    adaptation.merge(built.model)
    after = built.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)  # an update starts at 0


def test_an_answer_ends_where_the_longest_may(weights: Path) -> None:
    built = build(weights, max_answer_tokens=4)
    inputs = labelled(built)
    assert max(inputs.targets.lengths) == 4  # type: ignore[union-attr]
    assert inputs.writing is not None
    ends = [row[-1] == inputs.writing.end for row in inputs.writing.tokens(ANSWERS)]
    assert ends == [len(row) < 4 or ended for row, ended in zip(inputs.writing.tokens(ANSWERS), ends, strict=True)]
    assert not all(ends), "a model must not learn to end in mid-sentence"
    batch = inputs.batch(range(len(TEXTS)))
    with torch.inference_mode():
        answers = LEARNING.answers(LEARNING.keep(built.model.answer(batch), batch), inputs)
    assert answers.tokens.max() == 4
    assert answers.cut.any()


def refusal(kind: type[Exception], weights: Path, **settings: Any) -> str:
    with pytest.raises(kind) as caught:
        build(weights, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_decoder_is_asked_for_where_there_is_none_and_refused_where_there_is_one(weights: Path) -> None:
    if (weights / "generation_config.json").exists():
        assert "has a decoder of its own; leave decoder_layers out" in refusal(ConfigError, weights, decoder_layers=2)
        return
    said = refusal(ConfigError, weights, decoder_layers=None)
    assert "holds an encoder without a decoder; set backbone.decoder_layers, for example to 2" in said
    assert "has 2 layers to copy; lower it" in refusal(ConfigError, weights, decoder_layers=3)


def test_longer_than_its_positions_is_refused(weights: Path) -> None:
    if "t5" in weights.name:  # its positions are relative
        assert build(weights, max_tokens=100, max_answer_tokens=100)
        return
    assert "max_tokens is 100, but this backbone has 64 positions" in refusal(ModelError, weights, max_tokens=100)
    said = refusal(ModelError, weights, max_answer_tokens=100)
    assert "max_answer_tokens is 100, but this backbone has 64 positions; lower backbone.max_answer_tokens" in said


def test_a_language_that_the_tokenizer_does_not_know_is_refused(weights: Path) -> None:
    said = refusal(ConfigError, weights, target_language="xx_XX")
    assert "backbone.target_language is 'xx_XX', which the tokenizer does not know" in said


def test_nothing_is_left_for_a_linear_probe(weights: Path) -> None:
    with pytest.raises(ConfigError, match="no head beside its backbone; use lora, last_layers or full"):
        LinearProbe(method="linear_probe").apply(build(weights).model)


def test_soft_prompts_are_refused(weights: Path) -> None:
    backbone: Any = build(weights).model.backbone
    assert isinstance(backbone, EncoderDecoder)
    with pytest.raises(
        ConfigError, match=r"reads with one part and writes with another, and .* use lora, last_layers or full"
    ):
        backbone.add_soft_prompt("prompt_tuning", 4)


def test_an_export_writes_the_same_by_itself(weights: Path, tmp_path: Path) -> None:
    from finetrail.exports.forms import write_form

    built = build(weights, beams=2)
    write_form(built, "hf", tmp_path)
    model = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, trust_remote_code=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, trust_remote_code=False)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        found = model.generate(batch["input_ids"], attention_mask=batch["attention_mask"])
        own = built.processor.encode(TEXTS).batch(range(len(TEXTS)))
        answers = LEARNING.answers(LEARNING.keep(built.model.answer(own), own), built.processor.encode(TEXTS))
    assert [text.strip() for text in tokenizer.batch_decode(found, skip_special_tokens=True)] == answers.texts
    with pytest.raises(ModelError, match="token by token; use --format hf"):
        write_form(built, "onnx", tmp_path)
