"""A pool whose runs are containers: what its template holds, and what it must not hold."""

from pathlib import Path
from typing import Any

import pytest
from prefect.server.api import collections_data

from finetrail.errors import ConfigError
from finetrail.workspace import read_json
from flows.pool import Kind, fit
from tests.compose import as_written


def template(kind: Kind) -> dict[str, Any]:
    """Prefect's own, as its server has it."""
    known = Path(collections_data.__path__[0]) / "views" / "aggregate-worker-metadata.json"
    made: dict[str, Any] = read_json(known)[f"prefect-{kind}"][kind.value]["default_base_job_configuration"]
    return made


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETRAIL_REPOSITORY", "https://git.example/team/repository")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    monkeypatch.setenv("FINETRAIL_STUDIES", "postgresql://me:planted@host/studies")


@pytest.mark.parametrize("kind", [Kind.docker, Kind.kubernetes])
def test_a_run_is_told_what_the_environment_says_but_no_key(kind: Kind) -> None:
    made = fit(template(kind), kind, "finetrail:1")
    variables = made["variables"]["properties"]
    assert variables["image"]["default"] == "finetrail:1"
    assert variables["env"]["default"]["FINETRAIL_REPOSITORY"] == "https://git.example/team/repository"
    assert "planted" not in str(made)


def test_on_kubernetes_the_keys_are_a_secret_of_the_cluster() -> None:
    pod = fit(template(Kind.kubernetes), Kind.kubernetes, "x")["job_configuration"]["job_manifest"]["spec"]["template"][
        "spec"
    ]
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "finetrail"}}]
    assert pod["containers"][0]["env"] == "{{ env }}"
    assert pod["containers"][0]["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]


def test_on_docker_the_keys_are_blocks_and_the_volume_is_that_of_compose() -> None:
    variables = fit(template(Kind.docker), Kind.docker, "x")["variables"]["properties"]
    env = variables["env"]["default"]
    assert "prefect.blocks.secret.finetrail-storage-secret-key" in env["AWS_SECRET_ACCESS_KEY"]
    assert "prefect.blocks.secret.finetrail-studies" in env["FINETRAIL_STUDIES"]
    compose = as_written()
    (volume,) = variables["volumes"]["default"]
    assert volume in {f"{compose['name']}_{one}" for one in compose["services"]["worker"]["volumes"]}
    assert variables["networks"]["default"] == [f"{compose['name']}_default"]


def test_an_address_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETRAIL_REPOSITORY", "https://worker:token@git.example/x")
    with pytest.raises(ConfigError, match=r"^FINETRAIL_REPOSITORY contains a password, .*; give the image git .*$"):
        fit(template(Kind.docker), Kind.docker, "x")
