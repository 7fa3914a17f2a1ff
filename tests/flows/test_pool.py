"""A pool whose runs are containers: what its template holds, and what it must not hold."""

from typing import Any

import pytest

from finetrail.errors import ConfigError
from flows.pool import Kind, fit


def template() -> dict[str, Any]:
    """As Prefect's, as far as it is changed."""
    container = {"name": "prefect-job", "env": "{{ env }}", "image": "{{ image }}"}
    return {
        "variables": {"properties": {name: {} for name in ("image", "env", "volumes", "networks")}},
        "job_configuration": {"job_manifest": {"spec": {"template": {"spec": {"containers": [container]}}}}},
    }


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETRAIL_REPOSITORY", "https://git.example/team/repository")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")


@pytest.mark.parametrize("kind", Kind)
def test_a_run_is_told_what_the_environment_says_but_no_key(kind: Kind) -> None:
    made = fit(template(), kind, "finetrail:1")
    variables = made["variables"]["properties"]
    assert variables["image"]["default"] == "finetrail:1"
    assert variables["env"]["default"]["FINETRAIL_REPOSITORY"] == "https://git.example/team/repository"
    assert "planted" not in str(made)


def test_on_kubernetes_the_keys_are_a_secret_of_the_cluster() -> None:
    pod = fit(template(), Kind.kubernetes, "x")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "finetrail"}}]
    assert pod["containers"][0]["env"] == "{{ env }}"


def test_an_address_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETRAIL_REPOSITORY", "https://worker:token@git.example/x")
    with pytest.raises(ConfigError, match=r"^FINETRAIL_REPOSITORY has a password in it, .*; give the image git .*$"):
        fit(template(), Kind.docker, "x")
