"""Real weights on real sentences: parts of speech of a part of the English Web Treebank, by its recipe."""

import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from finetrail.workspace import read_json
from tests.pipeline.workspaces import REPOSITORY, Sandbox, lay_out
from tests.whole import read_whole


def test_parts_of_speech_of_real_sentences_are_told_better_than_by_the_words_alone(tmp_path: Path) -> None:
    treebank = REPOSITORY.parent / "shared" / "data" / "ud-ewt.zip"
    if not treebank.exists():
        pytest.skip(f"{treebank} is not there: the English Web Treebank is no part of the repository")
    sandbox = lay_out(tmp_path, "", {})
    shutil.copytree(REPOSITORY / "recipes", tmp_path / "recipes")
    sandbox.paths.params.unlink()
    assert sandbox.finetrail("use", "ud-ewt-pos").code == 0
    shutil.unpack_archive(treebank, tmp_path / "data" / "input" / "ud-ewt")
    sandbox.edit("source.limit", {"train": 600, "val": 150, "test": 200})
    sandbox.edit("validation.rare_label", {"policy": "quarantine", "min_rows": 2})
    sandbox.edit("backbone.max_tokens", 64)
    sandbox.edit("candidates.linear_probe", None)
    sandbox.edit("candidates.full.train.epochs", 2)
    sandbox.edit("selection.resamples", 200)
    for stage in ("ingest", "validate", "split", "train full", "select", "test"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    tested = read_json(sandbox.paths.test_details)["test"]
    assert tested["accuracy"] > most_frequent(sandbox) + 0.08


def most_frequent(sandbox: Sandbox) -> float:
    """The share of test words that get their tag if each gets the one that it has most often in training."""
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for word, tag in words_of(sandbox, "train"):
        seen[word][tag] += 1
    of_all = Counter(tag for _, tag in words_of(sandbox, "train")).most_common(1)[0][0]
    pairs = words_of(sandbox, "test")
    return sum(tag == (seen[word].most_common(1)[0][0] if word in seen else of_all) for word, tag in pairs) / len(pairs)


def words_of(sandbox: Sandbox, split: str) -> list[tuple[str, str]]:
    """Each word of a split in lower case, with its tag."""
    rows = read_whole(sandbox.paths.split(split))
    pairs = zip(rows["text"], rows["label"], strict=True)
    return [(text[one["start"] : one["end"]].lower(), one["type"]) for text, label in pairs for one in label]
