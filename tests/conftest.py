"""What every test stands on: a clean environment, toy texts that can be learnt, and a tiny real backbone."""

import csv
import os
import random
import shutil
import signal
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

TOPICS = {
    "cooking": "bake boil braise butter carve chop crust dice dough flour fry garlic grill knead onion oven roast "
    "salt simmer skillet spice steam stew stir whisk",
    "sailing": "anchor ballast boom bow buoy deck harbour helm hull jib keel knot leeward mainsail mast mooring port "
    "reef rigging rudder spinnaker starboard stern tack tiller",
    "weather": "barometer blizzard breeze cloud cyclone drizzle drought flood fog forecast frost gale hail humid "
    "lightning monsoon overcast rain rainbow sleet snow storm sunny thaw thunder",
}
COMMON = (
    "about after again all also always and another around because before began between came could day did each even "
    "every few first found from gave good have here into kept last later little long made many might more most much "
    "never next often once only other over people place said same several should since slowly small some soon still "
    "such take than that the their then there they thing this those time today told took two under until usual very "
    "was watched way week well went were what when where which while who will with without work would year yesterday"
).split()
SETTINGS = {
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OMP_NUM_THREADS": "1",  # two workers share the cores, and two threads would wait for each other
    "OMP_WAIT_POLICY": "passive",  # as the command line sets it: beside other work, spinning threads cost 20x
}
"""Of every process that tests start."""
WRONG_LABELS = 0.06  # the share of rows that no model can get right


class ToyRow(dict[str, str]):
    """A row of the toy data: text, label and official split."""


def toy_rows(seed: int = 0, size: int = 234) -> list[ToyRow]:
    """Texts of three topics, most of whose words say nothing; every fourth is of the official test split.

    At the end stand the rows that a validation has to find: two that repeat others, one without text, and two that are
    near to others (in the test split, so that the train row is taken out).
    """
    chance = random.Random(seed)  # noqa: S311  (toy data)
    rows = []
    for number in range(size):
        topic = sorted(TOPICS)[number % len(TOPICS)]
        words = [
            chance.choice(TOPICS[topic].split() if chance.random() < 0.35 else COMMON)
            for _ in range(chance.randint(14, 28))
        ]
        words.insert(0, chance.choice(TOPICS[topic].split()))
        label = chance.choice(sorted(TOPICS)) if chance.random() < WRONG_LABELS else topic
        rows.append(ToyRow(text=" ".join(words), label=label, split="test" if number % 4 == 3 else "train"))
    near = [ToyRow(rows[row] | {"text": rows[row]["text"] + " indeed", "split": "test"}) for row in (0, 1)]
    return [*rows, ToyRow(rows[4]), ToyRow(rows[5]), ToyRow(text="", label="sailing", split="train"), *near]


def write_csv(path: Path, rows: list[ToyRow]) -> Path:
    """Write rows as a CSV file with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=["text", "label", "split"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers and 32 dimensions that knows the toy words: safetensors, config and a WordPiece tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    words = sorted({word for topic in TOPICS.values() for word in topic.split()} | set(COMMON))
    letters = [f"{prefix}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" for prefix in ("", "##")]
    vocabulary = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *words])
    tokenizer = BertTokenizer(vocab={token: number for number, token in enumerate(vocabulary)}, model_max_length=64)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.05,  # so that the features of the untrained model tell words apart
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(config)
    folder = tmp_path_factory.mktemp("tiny-bert")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def pytest_configure() -> None:
    """No setting of the developer's shell bends a test; no library calls home."""
    # Who is started in the background, as by nohup, ignores Ctrl-C, and so would all that it starts.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "FINETRAIL_DEBUG", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    os.environ |= SETTINGS


def pytest_itemcollected(item: pytest.Item) -> None:
    """Several workers share the files; those that use the same servers or the same clone, one of them gets whole.

    Marked here since xdist reads the marks in a hook that runs before this file's `pytest_collection_modifyitems`.
    """
    names = item.fixturenames if isinstance(item, pytest.Function) else []
    group = str(item.path)
    if "team" in names:
        group = "team"
    elif {"clone", "by_hand"} & {*names}:
        group = "clone"
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        # .ci/run installs it; a developer's machine may lack it.
        assert not os.environ.get("CI"), "chromium is not installed"
        pytest.skip("chromium is not installed")
    return found


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a command sets for its own process (MLflow's address, for one) does not reach the next test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    urllib.request.install_opener(None)  # it remembers the proxies of the environment
