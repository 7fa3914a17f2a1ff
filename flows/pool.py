"""Make a work pool: for plain processes, or for runs that are containers of finetrail's image, on Docker or Kubernetes.

    python -m flows.pool process
    python -m flows.pool docker
    python -m flows.pool kubernetes --image registry/finetrail:1

A container gets the settings that this command finds in its environment, under the same names. The keys of the object
storage and the address of the studies are never written into the pool: docs/team.md says where they go.
"""

import asyncio
import os
from contextlib import suppress
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import typer
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from finetrail.cli.console import one_line_errors, out
from finetrail.errors import ConfigError
from finetrail.search.settings import DATABASE
from flows.servers import POOL

_TOLD = (
    "PREFECT_API_URL",
    "FINETRAIL_REPOSITORY",
    "FINETRAIL_DVC_REMOTE",
    "FINETRAIL_MLFLOW_PAGE",
    "MLFLOW_TRACKING_URI",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
)
_KEYS = {"AWS_ACCESS_KEY_ID": "finetrail-storage-access-key", "AWS_SECRET_ACCESS_KEY": "finetrail-storage-secret-key"}
_STUDIES = {DATABASE: "finetrail-studies"}
_VOLUME = "/var/lib/finetrail"  # in the image


class Kind(StrEnum):
    """Where the runs are: processes beside their worker, or containers."""

    process = "process"
    docker = "docker"
    kubernetes = "kubernetes"


def fit(template: dict[str, Any], kind: Kind, image: str) -> dict[str, Any]:
    """Prefect's own template of a kind, with the image, what a run needs to know, and the way to its keys and volume.

    Raises:
        ConfigError: an address has a password in it; the pool's page would show it.
    """
    known = {name: os.environ[name] for name in _TOLD if os.environ.get(name)}
    for name, value in known.items():
        if urlsplit(value).password:
            raise ConfigError(f"{name} contains a password, which the pool would show; give the image git credentials")
    variables = template["variables"]["properties"]
    variables["image"]["default"] = image
    if kind is Kind.docker:
        blocks = _KEYS | (_STUDIES if os.environ.get(DATABASE) else {})
        known |= {name: f"{{{{ prefect.blocks.secret.{block} }}}}" for name, block in blocks.items()}
        variables["volumes"]["default"] = [f"finetrail_worker:{_VOLUME}"]
        variables["networks"]["default"] = ["finetrail_default"]
    else:
        pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
        pod["volumes"] = [{"name": "work", "persistentVolumeClaim": {"claimName": "finetrail"}}]
        pod["securityContext"] = {"fsGroup": 10001}
        pod["containers"][0] |= {
            "envFrom": [{"secretRef": {"name": "finetrail"}}],
            "volumeMounts": [{"name": "work", "mountPath": _VOLUME}],
        }
    variables["env"]["default"] = known
    return template


def ensure(name: str = POOL) -> None:
    """Make the pool for plain processes, unless there is one of this name: that stays as it is, whatever its type.

    A worker makes its pool too, but says that it is healthy before it has, and no deployment can name a pool that is
    not there.
    """
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=name, type=Kind.process.value))


async def _make(kind: Kind, image: str, name: str) -> None:
    template = await get_default_base_job_template_for_infrastructure_type(kind.value)
    if template is None:
        address = PREFECT_API_URL.value() or "no address"
        raise ConfigError(
            f"Prefect's server at {address} gives no template for a pool of type {kind.value!r}; "
            "start it with `make up`, or set PREFECT_API_URL to one that runs"
        )
    pool = WorkPoolCreate(name=name, type=kind.value, base_job_template=fit(template, kind, image))
    async with get_client() as client:
        with suppress(ObjectNotFound):
            known = await client.read_work_pool(name)
            if known.type != kind.value:
                raise ConfigError(
                    f"pool {name!r} is of type {known.type!r}, and a pool keeps its type; "
                    f"delete it first (prefect work-pool delete {name}), or give another --name"
                )
        await client.create_work_pool(pool, overwrite=True)


@one_line_errors
def main(kind: Kind, image: str = "finetrail:local", name: str = POOL) -> None:
    """Make the pool. For containers, change the one of this name."""
    if kind is Kind.process:
        ensure(name)
        out.print(f"next: prefect worker start --pool {name} --type process")
        return
    asyncio.run(_make(kind, image, name))
    out.print(
        f"next: prefect worker start --pool {name} --type {kind.value}, where Prefect's package for it is installed"
    )


if __name__ == "__main__":
    typer.run(main)
