"""Code that lies beside weights never runs, whatever their configuration says and whoever says `y`."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pipeline import forks

pytestmark = pytest.mark.slow
EVIL = "import os, pathlib\npathlib.Path(os.environ['RAN']).touch()\nfrom transformers import {} as Evil\n"
ASKED = """
import sys
from tests.unit.contents.{content}.loading import fetch
from finetrail.contents.{content}.settings import {settings}
from finetrail.errors import ModelError
try:
    fetch({settings}(weights=sys.argv[1], {more}))
    print("loaded")
except ModelError as error:
    print(error)
"""
TEXT = ASKED.format(content="text", settings="TextBackbone", more="max_tokens=32")
IMAGE = ASKED.format(content="image", settings="ImageBackbone", more="name='transformers'")
TRUSTING = "import sys, transformers; transformers.{}.from_pretrained(sys.argv[1], trust_remote_code=True)"


@pytest.fixture(scope="module")
def tiny_vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    folder = tmp_path_factory.mktemp("vit")
    config = ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=16, patch_size=8
    )
    ViTModel(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


class Trap(NamedTuple):
    """Weights with foreign code. Attributes: file: that names the code; kind: what reads it; said: by finetrail."""

    weights: str
    program: str
    file: str
    kind: str
    own: str
    said: str


CUSTOM = ".*contains custom code"
TRAPS = {
    "encoder": Trap("tiny_bert", TEXT, "config.json", "AutoConfig", "BertConfig", CUSTOM),
    # Of a kind of model that transformers knows, it reads the tokenizer with its own code.
    "tokenizer": Trap("tiny_bert", TEXT, "tokenizer_config.json", "AutoTokenizer", "BertTokenizer", "loaded"),
    "image model": Trap("tiny_vit", IMAGE, "config.json", "AutoConfig", "ViTConfig", CUSTOM),
    "processor": Trap("tiny_vit", IMAGE, "preprocessor_config.json", "AutoImageProcessor", "ViTImageProcessor", CUSTOM),
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_it_does_not_run_and_nobody_is_asked(trap: Trap, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = shutil.copytree(request.getfixturevalue(trap.weights), tmp_path / "weights")
    config = json.loads((folder / trap.file).read_text())
    # Names that transformers does not know: else it takes its own classes.
    config |= {"model_type": "unheard-of", "tokenizer_class": "Unheard", "image_processor_type": "Unheard"}
    names: object = ["evil.Evil", None] if trap.kind == "AutoTokenizer" else "evil.Evil"
    (folder / trap.file).write_text(json.dumps(config | {"auto_map": {trap.kind: names}}))
    (folder / "evil.py").write_text(EVIL.format(trap.own))
    ran = tmp_path / "ran"

    said = answering_yes(trap.program, folder, ran, tmp_path)
    assert re.fullmatch(f"{trap.said}.*\n", said), said
    assert not ran.exists()
    answering_yes(TRUSTING.format(trap.kind), folder, ran, tmp_path)
    assert ran.exists(), "the folder is harmless, so nothing was shown"


def answering_yes(code: str, folder: Path, ran: Path, home: Path) -> str:
    """What a program says that is given a folder, to which someone at the keyboard answers yes."""
    process = forks.begin(_run, code, folder, ran, home)
    process.join(60)
    assert process.exitcode is not None
    return (home / "out").read_text()


def _run(code: str, folder: Path, ran: Path, home: Path) -> None:
    from transformers import dynamic_module_utils

    dynamic_module_utils.HF_MODULES_CACHE = str(home / "modules")
    os.environ["RAN"] = str(ran)
    sys.argv[1:] = [str(folder)]
    (home / "in").write_text("y\n" * 9)
    sys.stdin = (home / "in").open()
    with (home / "out").open("w") as sys.stdout:
        exec(code, {})  # noqa: S102  (our own, above)
