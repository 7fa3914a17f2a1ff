"""Causal models: they learn the assistant's turns, and go on with a conversation as transformers' own do."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from finetrail.adaptation.lora import Lora
from finetrail.adaptation.method import Method
from finetrail.adaptation.methods import Adaptation
from finetrail.adaptation.prompt_tuning import PromptTuning
from finetrail.contents.content import Loaded
from finetrail.contents.text.backbone import load_pretrained, load_saved, save
from finetrail.contents.text.settings import ChatBackbone, TextBackbone
from finetrail.contents.text.writing.causal import Causal
from finetrail.contents.text.writing.export import export_written
from finetrail.contents.text.writing.template import PLAIN
from finetrail.errors import ConfigError, DataError, ModelError
from finetrail.models.network import Network
from finetrail.targets.sequences.codec import SequenceCodec
from finetrail.targets.sequences.learning import SequenceLearning
from finetrail.targets.sequences.options import WritingOptions
from finetrail.targets.sequences.settings import SummaryTraining
from tests.unit.decoders import END

LEARNING = SequenceLearning(SequenceCodec())
MOST, POSITIONS = 10, 160
CHATML = (
    "{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
USER, ASSISTANT, SYSTEM = "user", "assistant", "system"


def say(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in turns]


CONVERSATIONS = [
    say((USER, "good house")),
    say((SYSTEM, "happy"), (USER, "bad river"), (ASSISTANT, "poor cloud"), (USER, "fine stone and a great table")),
    say((USER, "sad"), (ASSISTANT, "weak"), (USER, "awful"), (ASSISTANT, "superb door"), (USER, "chair")),
]
ANSWERS = ["great house", "fine", "window by the river"]


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def weights(request: pytest.FixtureRequest, decoders: Mapping[str, TextBackbone], tmp_path_factory: Any) -> Path:
    """A tiny causal model with random weights, and a tokenizer that has a template with marks of its own."""
    encoder = Path(decoders[request.param].weights)
    folder: Path = tmp_path_factory.mktemp(request.param)
    tokenizer = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<s>", "</s>"]})
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    config = AutoConfig.from_pretrained(encoder, trust_remote_code=False)
    config.vocab_size, config.max_position_embeddings = len(tokenizer), POSITIONS
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return folder


def section(weights: Path, **settings: Any) -> ChatBackbone:
    return ChatBackbone(
        weights=str(weights), **{"max_tokens": 150, "max_answer_tokens": MOST, "dropout": 0.0} | settings
    )


def load(weights: Path, **settings: Any) -> tuple[Network, Any]:
    loaded: Loaded = load_pretrained(section(weights, **settings), Path(), "chat", ("messages",))
    return Network(loaded.network, LEARNING.head(loaded.width)).eval(), loaded.processor


def model_of(network: Network) -> Any:
    backbone: Any = network.backbone
    return backbone.model


def answers(network: Network, processor: Any, conversations: Any) -> Any:
    inputs = processor.encode(conversations)
    batch = inputs.batch(range(len(conversations)))
    with torch.inference_mode():
        return LEARNING.answers(LEARNING.keep(network.answer(batch), batch), inputs)


def expected_loss(network: Network, processor: Any, learn: str) -> Tensor:
    """By transformers alone, row by row: the parts of the written conversation whose characters are learnt."""
    losses = []
    for conversation, answer in zip(CONVERSATIONS, ANSWERS, strict=True):
        whole = processor.tokenizer.apply_chat_template([*conversation, *say((ASSISTANT, answer))], tokenize=False)
        spans, at = [], 0
        while (start := whole.find("<s>assistant\n", at)) >= 0:
            at = whole.index("</s>", start) + len("</s>")
            spans.append((start + len("<s>assistant\n"), at))
        end = spans[-1][1]
        wanted = {"answer": spans[-1:], "assistant": spans, "all": [(1, end)]}[learn]
        read = processor.tokenizer(whole[:end], add_special_tokens=False, return_offsets_mapping=True)
        ids = torch.tensor(read["input_ids"])
        logs = model_of(network)(ids.unsqueeze(0)).logits[0].log_softmax(-1)
        for place, (start, stop) in enumerate(read["offset_mapping"]):
            if place and any(low <= start and stop <= high for low, high in wanted):
                losses.append(-logs[place - 1, ids[place]])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("learn", ["answer", "assistant", "all"])
def test_the_loss_is_that_of_the_turns_that_are_learnt(weights: Path, learn: str) -> None:
    network, processor = load(weights, learn=learn, max_tokens=110, max_answer_tokens=50)
    inputs = processor.encode(CONVERSATIONS)
    inputs = inputs.labelled(LEARNING.encode(ANSWERS, inputs))
    batch = inputs.batch(range(3))
    assert ("learnt" in batch) == (learn != "answer")
    with torch.no_grad():
        loss = LEARNING.loss(SummaryTraining(), ANSWERS)(network(batch), batch)
        torch.testing.assert_close(loss, expected_loss(network, processor, learn), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
def test_it_goes_on_as_transformers_does(weights: Path, beams: int) -> None:
    network, processor = load(weights, beams=beams)
    found = answers(network, processor, CONVERSATIONS)
    for conversation, text in zip(CONVERSATIONS, found.texts, strict=True):
        written = processor.tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
        ids = processor.tokenizer(written, add_special_tokens=False, return_tensors="pt")["input_ids"]
        theirs = model_of(network).generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=MOST,
            num_beams=beams,
            num_return_sequences=1,
        )
        expected = processor.tokenizer.decode(theirs[0, ids.shape[1] :], skip_special_tokens=True)
        assert text == expected.rstrip("\ufffd").strip(), "but for a character that the limit has cut"
    assert len({*found.texts}) > 1


def test_a_conversation_has_the_same_answer_alone_and_in_a_padded_batch(weights: Path) -> None:
    network, processor = load(weights)
    together = answers(network, processor, CONVERSATIONS)
    for row, conversation in enumerate(CONVERSATIONS):
        alone = answers(network, processor, [conversation])
        assert alone.texts == [together.texts[row]]
        assert alone.scores[0] == pytest.approx(together.scores[row], abs=1e-4)
        assert alone.margins[0] == pytest.approx(together.margins[row], abs=1e-4)


def test_each_token_costs_one_step(weights: Path) -> None:
    network, processor = load(weights)
    batch = processor.encode(CONVERSATIONS).batch(range(3))
    widths: list[int] = []
    backbone: Any = network.backbone
    hook = backbone.encoder.register_forward_hook(
        lambda module, given, output: widths.append(output["last_hidden_state"].shape[1])
    )
    with torch.inference_mode():
        network.answer(batch)
    hook.remove()
    prompt, *steps, again = widths
    assert prompt == batch["input_ids"].shape[1]
    assert set(steps) == {1}
    assert again == prompt + len(steps) + 1  # once more, for the probabilities of the whole answer


def drawn(network: Network, processor: Any, conversations: Any, **options: Any) -> Any:
    inputs = WritingOptions(**options).asked(processor.encode(conversations))
    batch = inputs.batch(range(len(conversations)))
    with torch.inference_mode():
        return LEARNING.answers(LEARNING.keep(network.answer(batch), batch), inputs)


def test_a_seed_draws_the_same_answer_whatever_company_a_conversation_has(weights: Path) -> None:
    network, processor = load(weights, beams=2)
    rows = [CONVERSATIONS[0], *CONVERSATIONS]
    together = drawn(network, processor, rows, temperature=1.5, seed=3)
    assert together.texts[0] == together.texts[1]
    for row, conversation in enumerate(rows):
        assert drawn(network, processor, [conversation], temperature=1.5, seed=3).texts == [together.texts[row]]
    assert drawn(network, processor, rows, temperature=1.5, seed=4).texts != together.texts
    plain = answers(network, processor, rows)
    assert drawn(network, processor, rows, seed=3).texts == plain.texts, "nothing is drawn at temperature 0"
    assert together.texts != plain.texts
    short = drawn(network, processor, rows, max_tokens=2)
    assert short.tokens.max() == 2
    assert short.cut[short.tokens == 2].any()
    with pytest.raises(DataError, match=f"max_tokens is {MOST + 1}, but this model writes at most {MOST} tokens; send"):
        drawn(network, processor, rows, max_tokens=MOST + 1)
    assert drawn(network, processor, rows, max_tokens=MOST).texts == plain.texts


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("options", [{}, {"temperature": 1.5, "seed": 3}, {"max_tokens": 3}])
def test_what_is_streamed_is_the_answer(weights: Path, beams: int, options: dict[str, Any]) -> None:
    network, processor = load(weights, beams=beams)
    for conversation in CONVERSATIONS:
        whole = drawn(network, processor, [conversation], **options)
        inputs = WritingOptions(**options).asked(processor.encode([conversation]))
        tokens = list(network.stream(inputs.batch([0])))
        assert len(tokens) == whole.tokens[0]
        assert "".join(inputs.writing.told(tokens)) == whole.texts[0]


def test_saved_and_loaded_it_goes_on_with_the_same_bits(weights: Path, tmp_path: Path) -> None:
    network, processor = load(weights, chat_template=PLAIN)
    described = save(network.backbone, processor, section(weights), tmp_path)
    loaded = load_saved(described, tmp_path, "chat", ("messages",))
    again = Network(loaded.network, LEARNING.head(1)).eval()
    again.load_state_dict(network.state_dict())
    one, other = answers(network, processor, CONVERSATIONS), answers(again, loaded.processor, CONVERSATIONS)
    assert one.texts == other.texts
    assert one.scores.tolist() == other.scores.tolist()


def test_without_a_template_a_plain_one_is_written_and_stored(
    decoders: Mapping[str, TextBackbone], tmp_path: Path
) -> None:
    network, processor = load(_causal(decoders["gpt2"].weights, tmp_path), max_tokens=54)
    backbone: Any = network.backbone
    assert processor.writing.behind == f"{END}\n"
    assert backbone.end == processor.tokenizer.eos_token_id
    (tokens,) = processor.encode([say((USER, "good"))]).tokens
    assert processor.tokenizer.decode(tokens) == "user: good\nassistant: "
    assert processor.tokenizer.decode(processor.writing.tokens(["fine"])[0]) == f"fine{END}"


def _causal(encoder: str, folder: Path, **changed: Any) -> Path:
    config = AutoConfig.from_pretrained(encoder, trust_remote_code=False, **changed)
    AutoModelForCausalLM.from_config(config, trust_remote_code=False).save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder, trust_remote_code=False).save_pretrained(folder)
    return folder


def test_a_long_conversation_loses_its_beginning(weights: Path) -> None:
    _, processor = load(weights, max_tokens=12)
    whole = load(weights)[1].encode(CONVERSATIONS)
    cut = processor.encode(CONVERSATIONS)
    assert [list(row) for row in cut.tokens] == [list(row[-12:]) for row in whole.tokens]
    assert [list(row) for row in cut.learnt] == [list(row[-12:]) for row in whole.learnt]


def test_a_cut_answer_is_learnt_without_an_end(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    network, processor = load(weights, max_answer_tokens=4)
    backbone: Any = network.backbone
    long, short = processor.writing.tokens(["good bad fine sad table chair", "good"])
    assert len(long) == 4
    assert backbone.end not in long
    assert short[-1] == backbone.end
    assert "1 of 2 answers have more than 4 tokens, and are cut" in caplog.text


def test_lora_leaves_the_output_layer_alone(weights: Path) -> None:
    network, _ = load(weights)
    Lora(method="lora", r=2).apply(network)
    adapted = {name for name, _ in network.named_modules() if name.endswith("lora_A")}
    assert adapted
    assert not any("lm_head" in name for name in adapted)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('no system here') }}", "refuses a conversation of user, assistant"),
        ("{% for message in messages %}{{ message['content'] }}{% endfor %}{{ 'now:' }}", "in another place than it"),
    ],
)
def test_a_template_that_cannot_be_learnt_is_refused(weights: Path, template: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        load(weights, chat_template=template)
    assert "set backbone.chat_template" in str(caught.value)
    assert load(weights, chat_template=PLAIN)


def test_earlier_turns_that_a_template_rewrites_are_read_and_not_learnt(weights: Path) -> None:
    rewritten = CHATML.replace(
        "{{ message['content'] }}",
        "{{ message['content'] if loop.last or message['role'] != 'assistant' else '(as before)' }}",
    )
    _, processor = load(weights, chat_template=rewritten)
    inputs = processor.encode(CONVERSATIONS[1:2])
    assert "(as before)" in processor.tokenizer.decode(inputs.tokens[0])
    assert not any(inputs.learnt[0])


def test_logits_that_no_one_knows_are_refused_and_others_are_not(
    tmp_path: Path, decoders: Mapping[str, TextBackbone]
) -> None:
    """HyperCLOVA multiplies by what Granite divides by."""
    for kind in ("hyperclovax", "granite"):
        folder = other_kind(kind, decoders["llama"].weights, tmp_path / kind, logits_scaling=8.0)
        if kind == "granite":
            assert load(folder, max_tokens=54)
            continue
        with pytest.raises(
            ModelError, match=r"does more to its logits than to scale or cap them, .* name another model"
        ):
            load(folder, max_tokens=54)


def other_kind(kind: str, like: str, folder: Path, **settings: Any) -> Path:
    """A causal model of another kind, with the sizes and the tokenizer of a Llama."""
    config = json.loads((Path(like) / "config.json").read_text(encoding="utf-8"))
    known = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    sizes = {name: config[name] for name in (*known, "intermediate_size", "max_position_embeddings")}
    AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, **sizes, **settings), trust_remote_code=False
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(like, trust_remote_code=False).save_pretrained(folder)
    return folder


def test_trained_vectors_must_be_seen_from_everywhere(tmp_path: Path, decoders: Mapping[str, TextBackbone]) -> None:
    """Of a sliding window, padding between the vectors and a text would take a part."""
    folder = other_kind("mistral", decoders["llama"].weights, tmp_path, sliding_window=32)
    network, _ = load(folder, max_tokens=24, max_answer_tokens=6)
    with pytest.raises(
        ConfigError, match="tokens is 3, but this backbone reads only 2 more than max_tokens; lower one"
    ):
        PromptTuning(method="prompt_tuning", tokens=3).apply(network)
    PromptTuning(method="prompt_tuning", tokens=2).apply(network)


def test_perturbed_conversations_and_too_many_tokens_are_refused(weights: Path) -> None:
    from finetrail.contents.text.settings import TextAugment

    _, processor = load(weights)
    with pytest.raises(ConfigError, match="a row holds a conversation; leave augment out"):
        processor.encode(CONVERSATIONS, augment=TextAugment(perturbations=["typos"]))
    with pytest.raises(ModelError, match="max_tokens is 165, but this backbone has 160 positions"):
        load(weights, max_tokens=155)


def test_the_backbone_is_causal(weights: Path) -> None:
    assert isinstance(load(weights)[0].backbone, Causal)


@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_trained_vectors_have_no_place_in_an_export_and_what_lora_learnt_has(
    weights: Path, method: Any, tmp_path: Path
) -> None:
    network, processor = load(weights, max_tokens=140)
    backbone: Any = network.backbone
    backbone.add_soft_prompt(method, 2)
    with pytest.raises(ModelError, match=f"adapted by {method}, whose vectors have no place .* such as lora"):
        export_written(network, processor, tmp_path)
    adapted, _ = load(weights)
    lora = Lora(method="lora", r=2)
    lora.apply(adapted)
    lora.merge(adapted)
    assert export_written(adapted, processor, tmp_path)


def test_an_export_goes_on_the_same_by_itself(weights: Path, tmp_path: Path) -> None:
    network, processor = load(weights)
    done = export_written(network, processor, tmp_path)
    code = done.asking.code
    assert code is not None
    names: dict[str, Any] = {}
    with contextlib.chdir(tmp_path):
        exec(code.opens, names)  # noqa: S102
        names[code.given] = done.asking.lay_out(CONVERSATIONS, tmp_path)
        exec(code.answers, names)  # noqa: S102
    inputs = processor.encode(CONVERSATIONS)
    theirs = LEARNING.answers(done.asking.kept(names["logits"], inputs), inputs)
    own = answers(network, processor, CONVERSATIONS)
    assert theirs.texts == own.texts
    assert theirs.scores == pytest.approx(own.scores, abs=1e-4)


def test_the_pieces_of_a_conversation_are_all_its_tokens_and_those_of_the_assistant_are_learnt(weights: Path) -> None:
    _, processor = load(weights)
    inputs = processor.encode(CONVERSATIONS)
    inputs = inputs.labelled(LEARNING.encode(ANSWERS, inputs))
    assert inputs.pieces(2) == [
        ("<s>user\nsad</s>\n<s>assistant\n", False),
        ("weak</s>", True),
        ("\n<s>user\nawful</s>\n<s>assistant\n", False),
        ("superb door</s>", True),
        ("\n<s>user\nchair</s>\n<s>assistant\n", False),
        (processor.tokenizer.decode(inputs.targets.values[2].tolist()), True),
    ]
    assert all(not learnt for _, learnt in processor.encode(CONVERSATIONS[:1]).pieces(0))


@pytest.mark.parametrize(
    "method",
    [
        {"method": "full"},
        {"method": "lora", "r": 2, "rslora": True},
        {"method": "lora", "r": 2, "dora": True},
        {"method": "ia3"},
        {"method": "last_layers", "layers": 1},
        {"method": "gradual_unfreeze", "every": 1},
        {"method": "prompt_tuning", "tokens": 3},
        {"method": "prefix_tuning", "tokens": 3},
    ],
    ids=lambda method: "-".join(map(str, method.values())),
)
def test_a_method_trains_and_its_model_answers_the_same_when_merged_saved_and_loaded(
    weights: Path, method: dict[str, Any], tmp_path: Path
) -> None:
    network, processor = load(weights, max_tokens=140)
    methods: Any = Adaptation
    adaptation: Method = TypeAdapter(methods).validate_python(method)
    adaptation.apply(network)
    adaptation.start_epoch(network, 1)
    network.train()
    inputs = processor.encode(CONVERSATIONS)
    batch = inputs.labelled(LEARNING.encode(ANSWERS, inputs)).batch(range(3))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    loss = LEARNING.loss(SummaryTraining(), ANSWERS)
    first = loss(network(batch), batch)
    first.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    network.eval()
    with torch.no_grad():
        assert loss(network(batch), batch) < first
    before = answers(network, processor, CONVERSATIONS)
    adaptation.merge(network)
    after = answers(network, processor, CONVERSATIONS)
    assert after.texts == before.texts
    assert after.scores == pytest.approx(before.scores, abs=1e-4)
    loaded = load_saved(
        save(network.backbone, processor, section(weights, max_tokens=140), tmp_path), tmp_path, "chat", ()
    )
    again = Network(loaded.network, LEARNING.head(1)).eval()
    again.load_state_dict(network.state_dict())
    found = answers(again, loaded.processor, CONVERSATIONS)
    assert found.texts == after.texts
    assert found.scores.tolist() == after.scores.tolist()
