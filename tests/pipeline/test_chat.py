"""Conversations: the whole road once, from turns in JSONL to a model that callers talk to."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from transformers import pipeline

from finetrail.runs.tracking import tracking_uri
from finetrail.tasks.registry import load_model
from finetrail.workspace import read_json
from tests.conftest import COMMON, TOPICS
from tests.pipeline.workspaces import Sandbox, lay_out, track
from tests.whole import read_whole

DATA = "data/input/chat.jsonl"
WEIGHTS = "data/weights/tiny-gpt2"
PARAMS = f"""
project: chat
task: text-generation
seed: 0

source: {{path: {DATA}}}

validation: {{}}

split: {{val: 0.2, test: 0.2}}

backbone:
  weights: {WEIGHTS}
  max_tokens: 48
  max_answer_tokens: 6
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3

candidates:
  full:
    adaptation: {{method: full}}
    train: {{epochs: 16, learning_rate: 5e-3}}

selection: {{resamples: 200}}
gate: {{resamples: 200}}
"""
SYSTEM = "name the topic"


def tiny_gpt2(folder: Path) -> Path:
    """A GPT-2 of 2 layers and 32 dimensions that knows the toy words, and has no chat template."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = sorted({word for topic in TOPICS.values() for word in topic.split()} | set(COMMON) | set(SYSTEM.split()))
    vocabulary = dict.fromkeys(["<unk>", "</s>", "system:", "user:", "assistant:", *TOPICS, *words])
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(vocabulary)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>").save_pretrained(folder)  # noqa: S106
    config = GPT2Config(
        vocab_size=len(vocabulary),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=64,
        bos_token_id=1,
        eos_token_id=1,
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def conversations(count: int, seed: int = 0) -> list[list[dict[str, str]]]:
    """Of one or two questions; each answer is the topic of the question."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    found = []
    for number in range(count):
        turns = [{"role": "system", "content": SYSTEM}] if number % 2 else []
        for place in range(1 + number % 2):
            topic = sorted(TOPICS)[(number + place) % len(TOPICS)]
            words = chance.sample(TOPICS[topic].split(), 4) + chance.sample(COMMON, 2)
            chance.shuffle(words)
            turns += [{"role": "user", "content": " ".join(words)}, {"role": "assistant", "content": topic}]
        found.append(turns)
    return found


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A repository in which every stage has run, each as its command. Read only."""
    good = conversations(300)
    bad = [good[0], good[1][:-1], [{"role": "user", "content": ""}, {"role": "assistant", "content": "cooking"}]]
    file = tmp_path_factory.mktemp("source") / "chat.jsonl"
    file.write_text("\n".join(json.dumps({"messages": turns}) for turns in [*good, *bad]), encoding="utf-8")
    weights = tiny_gpt2(tmp_path_factory.mktemp("tiny-gpt2"))
    sandbox = lay_out(tmp_path_factory.mktemp("chat"), PARAMS, {DATA: file, WEIGHTS: weights})
    track(sandbox, DATA, WEIGHTS)
    for stage in ("ingest", "validate", "split", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_it_answers_as_it_learnt(chat: Sandbox) -> None:
    tested = read_json(chat.paths.test_details)["test"]
    assert tested["exact_match"] > 0.7, "the most frequent answer is right on a third of the rows"
    assert (chat.paths.quarantine.read_text(encoding="utf-8").count("\n")) == 4  # a header, and the three bad ones


def test_every_link_back_to_the_source_holds(chat: Sandbox) -> None:
    done = chat.finetrail("verify", "--json", "verified.json")
    assert done.code == 0, done.err
    assert {one["state"] for one in read_json(chat.root / "verified.json")["links"]} == {"OK"}


def test_callers_send_conversations_or_prompts(chat: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(chat.paths))
    model = mlflow.pyfunc.load_model("models:/chat@challenger")
    asked = conversations(12, seed=3)
    answered = model.predict(pd.DataFrame({"messages": [turns[:-1] for turns in asked]}))
    assert (answered["text"] == [turns[-1]["content"] for turns in asked]).mean() > 0.7
    alone = [turns for turns in asked if len(turns) == 2]
    prompted = model.predict(pd.DataFrame({"prompt": [turns[0]["content"] for turns in alone]}))
    assert prompted["text"].tolist() == [
        text for text, turns in zip(answered["text"], asked, strict=True) if turns in alone
    ]


def request(model: Any, turns: Any, **params: Any) -> Any:
    """What MLflow's scoring server answers to a request."""
    from mlflow.pyfunc.scoring_server import invocations

    sent = {"dataframe_records": [{"messages": one} for one in turns], "params": params}
    schema = model.metadata.get_input_schema()
    answer = invocations(json.dumps(sent), "application/json", model, schema)
    assert answer.status == 200, answer.response
    return [one["text"] for one in json.loads(answer.response)["predictions"]]


def test_callers_draw_answers_by_a_seed_and_hear_them_piece_by_piece(
    chat: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(chat.paths))
    model = mlflow.pyfunc.load_model("models:/chat@challenger")
    params = model.metadata.get_params_schema()
    assert [(one.name, one.default) for one in params] == [("max_tokens", None), ("temperature", 0.0), ("seed", 0)]
    asked = [turns[:-1] for turns in conversations(12, seed=3)]
    frame = pd.DataFrame({"messages": asked})
    plain, drawn = (model.predict(frame, params=params) for params in ({}, {"temperature": 9.0, "seed": 5}))
    assert (plain["text"] != drawn["text"]).any()
    assert request(model, asked, temperature=9.0, seed=5) == drawn["text"].tolist()
    assert request(model, asked[3:5], temperature=9.0, seed=5) == drawn["text"].tolist()[3:5], "in other company"
    assert request(model, asked, seed=5) == plain["text"].tolist()
    assert max(model.predict(frame, params={"max_tokens": 1})["tokens"]) == 1
    for row, turns in enumerate(asked[:3]):
        for options, known in (({}, plain), ({"temperature": 9, "seed": 5}, drawn)):
            pieces = list(model.predict_stream(pd.DataFrame({"messages": [turns]}), params=options))
            assert "".join(pieces) == known["text"][row]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"temperature": -1.0}, r"^temperature is -1.0: must be greater than or equal to 0$"),
        ({"max_tokens": 7}, r"^max_tokens is 7, but this model writes at most 6 tokens; send 6 or fewer$"),
        ({"max_tokens": "many"}, r"Invalid parameters found: .*max_tokens"),
    ]
    for wrong, said in refused:
        with pytest.raises(MlflowException, match=said) as caught:
            model.predict(frame, params=wrong)
        assert caught.value.get_http_status_code() == 400
    with pytest.raises(MlflowException, match=r"^temperature is -1.0: must be"):
        list(model.predict_stream({"messages": asked[0]}, params={"temperature": -1.0}))


def test_the_perplexity_is_that_of_transformers_over_all_tokens_of_the_answers(chat: Sandbox) -> None:
    import torch

    built = load_model(chat.paths.model("full"))
    backbone: Any = built.model.backbone
    lost, tokens = 0.0, 0
    rows = read_whole(chat.paths.split("val"))
    for turns, label in zip(rows["messages"], rows["label"], strict=True):
        tokenizer = built.processor.tokenizer  # type: ignore[attr-defined]
        asked = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=True)
        ids, answer = (tokenizer(text, return_tensors="pt")["input_ids"] for text in (asked, f"{label} </s>"))
        labels = torch.cat([torch.full_like(ids, -100), answer], dim=1)
        with torch.no_grad():
            loss = backbone.model(torch.cat([ids, answer], dim=1), labels=labels).loss
        lost, tokens = lost + float(loss) * answer.shape[1], tokens + answer.shape[1]
    found = read_json(chat.paths.run("full").details)["val"]
    assert found["loss"] == pytest.approx(lost / tokens, rel=1e-3)
    assert found["perplexity"] == pytest.approx(math.exp(lost / tokens), rel=1e-3)
    assert f"a perplexity of <strong>{found['perplexity']:.4g}" in (chat.paths.test_report / "report.html").read_text(
        encoding="utf-8"
    )


def test_a_file_is_scored_and_the_export_says_the_same(chat: Sandbox, tmp_path: Path) -> None:
    asked = conversations(6, seed=3)
    new = tmp_path / "new.jsonl"
    new.write_text("\n".join(json.dumps({"messages": turns[:-1]}) for turns in asked), encoding="utf-8")
    done = chat.finetrail("predict", str(new), str(tmp_path / "scored.jsonl"))
    assert done.code == 0, done.err
    scored = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(scored) == 6
    assert {"text", "score"} <= scored[0].keys()
    exported = chat.finetrail("export", str(tmp_path / "exported"))
    assert exported.code == 0, exported.err
    assert "ROUGE-L on" in exported.out
    find: Any = pipeline("text-generation", model=str(tmp_path / "exported"), device="cpu")
    said = [found[0]["generated_text"][-1] for found in find([turns[:-1] for turns in asked])]
    assert said == [{"role": "assistant", "content": one["text"]} for one in scored]


def test_rates_are_suggested_though_no_probe_can_read_it(chat: Sandbox) -> None:
    done = chat.finetrail("suggest", "--diff", "--minutes", "5")
    assert done.code == 0, done
    said = {line.split()[0].strip(":"): line for line in done.out.splitlines() if line[:4] in ("lora", "full", "line")}
    assert "rises above" in said["lora"], done
    assert "rises above" in said["full"], done
    assert "is left out: adaptation.method is linear_probe" in said["linear_probe"], done
