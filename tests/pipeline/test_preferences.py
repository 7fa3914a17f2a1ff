"""Preference pairs: the whole road once, from chosen and rejected answers to a model that ranks as people did."""

import json

import pytest

from finetrail.workspace import read_json
from tests.conftest import TOPICS
from tests.pipeline.test_chat import PARAMS, WEIGHTS, conversations, tiny_gpt2
from tests.pipeline.workspaces import Sandbox, lay_out, track

DATA = "data/input/pairs.jsonl"
TASK = "task: {name: text-generation, problem_type: preference}"
CHANGED = {
    "data/input/chat.jsonl": DATA,
    "task: text-generation": TASK,
    "epochs: 16, learning_rate: 5e-3": "epochs: 10, learning_rate: 5e-3",
}


def pairs(count: int) -> list[dict[str, object]]:
    """Conversations whose chosen answer is the topic of the question, and the rejected one another topic."""
    topics = sorted(TOPICS)
    found: list[dict[str, object]] = []
    for number, turns in enumerate(conversations(count)):
        *asked, answer = turns
        others = [topic for topic in topics if topic != answer["content"]]
        rejected = [*asked, {"role": "assistant", "content": others[number % len(others)]}]
        found.append({"chosen": turns, "rejected": rejected})
    return found


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A repository in which every stage has run, each as its command. Read only."""
    good = pairs(150)
    bad = [
        {**good[0], "rejected": good[0]["chosen"]},
        {"chosen": good[1]["chosen"], "rejected": good[2]["rejected"]},
        {"chosen": good[3]["chosen"], "rejected": None},
    ]
    file = tmp_path_factory.mktemp("source") / "pairs.jsonl"
    file.write_text("\n".join(map(json.dumps, [*good, *bad])), encoding="utf-8")
    params = PARAMS
    for before, after in CHANGED.items():
        params = params.replace(before, after)
    weights = tiny_gpt2(tmp_path_factory.mktemp("tiny-gpt2"))
    sandbox = lay_out(tmp_path_factory.mktemp("compared"), params, {DATA: file, WEIGHTS: weights})
    track(sandbox, DATA, WEIGHTS)
    for stage in ("ingest", "validate", "split", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_it_ranks_as_people_did(compared: Sandbox) -> None:
    val = read_json(compared.paths.run("full").details)["val"]
    assert val["reward_accuracy"] > 0.8, "half of the pairs are ranked right by chance"
    assert val["loss"] < 0.6, "log 2 before the first step"
    tested = read_json(compared.paths.test_details)
    assert tested["validation_rewards"]["reward_accuracy"]["value"] == val["reward_accuracy"]
    assert "Preference pairs" in (compared.paths.test_report / "report.html").read_text(encoding="utf-8")


def test_what_is_no_pair_is_put_aside(compared: Sandbox) -> None:
    listed = compared.paths.quarantine.read_text(encoding="utf-8")
    for rule in ("same_answers", "different_prompts", "missing_side"):
        assert listed.count(rule) == 1, rule
