"""Two projects on one machine: neither takes the other's servers, nor the other's runs."""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import Flow

from flows.candidate import candidate
from flows.evaluate import evaluate
from flows.finetune import finetune
from flows.new_data import new_data
from flows.promote import promote
from tests.flows.server import Team


@pytest.mark.parametrize("server", ["PREFECT", "MLFLOW"])
def test_a_second_project_is_refused_the_ports_of_the_first(team: Team, tmp_path: Path, server: str) -> None:
    """Before, its workers joined the first one's pool, and its runs went into the first one's MLflow."""
    for name in ("flows", "recipes"):
        shutil.copytree(team.sandbox.root / name, tmp_path / name)
    for name in ("params.yaml", "prefect.yaml", "automations.yaml"):
        shutil.copyfile(team.sandbox.root / name, tmp_path / name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        others = {f"FINETRAIL_{name}_PORT": str(free.getsockname()[1]) for name in ("PREFECT", "MLFLOW")}
    port = team.environment[f"FINETRAIL_{server}_PORT"]
    environment = team.environment | others | {f"FINETRAIL_{server}_PORT": port}
    command = [sys.executable, "-m", "flows.servers", "up"]

    def proposes_a_free_port() -> bool:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        found = re.fullmatch(
            rf"ConfigError: port {port} is in use by \S+ \(process \d+\); end it, or take another port: "
            rf"FINETRAIL_{server}_PORT=(\d+) make up",
            done.stderr.strip(),
        )
        assert found is not None, done.stderr
        try:
            socket.create_server(("127.0.0.1", int(found[1]))).close()
        except OSError:
            return False
        return True

    # Tests beside this one may take the port before it is tried; they do not take three.
    assert any(proposes_a_free_port() for _ in range(3))
    assert list((tmp_path / ".finetrail" / "servers").glob("*.json")) == []
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("flow", [finetune, candidate, promote, evaluate, new_data])
def test_a_name_of_digits_may_be_given_to_every_flow(flow: Flow[..., object]) -> None:
    """Prefect's command reads `-p git_ref=8416302` as a number, and its server holds it against the schema."""
    for name, described in flow.parameters.properties.items():
        kinds = {one.get("type") for one in described.get("anyOf", [described])}
        if "string" in kinds and name not in ("deployment", "fan_out"):  # whose names have a slash
            assert {"number", "boolean"} <= kinds, (name, kinds)
    given: dict[str, object] = {"git_ref": 8416302, "recipe": 1e5}
    own = {"name": 7} if "name" in flow.parameters.properties else {}
    assert flow.validate_parameters(given | own)["git_ref"] == 8416302
