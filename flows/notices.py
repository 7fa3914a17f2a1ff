"""Who is told what: `python -m flows.notices ADDRESS` has the server post to a webhook.

It posts when a run failed or crashed, and when a model was promoted or refused: JSON with the key `text`, which chat
services take. Run it again with another address to replace the first.
"""

from typing import Annotated

import typer
from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.events import EventTrigger
from prefect.events.actions import SendNotification
from prefect.events.schemas.events import ResourceSpecification
from prefect.types import SecretDict

from finetrail.cli.console import one_line_errors, out
from finetrail.errors import ConfigError
from flows.events import PROMOTED

BLOCK = "finetrail-notices"
_OURS = ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.finetrail"})


def notify(address: str) -> None:
    """Register the webhook and its two automations on the server that PREFECT_API_URL names.

    Raises:
        ConfigError: the address is not that of a web server.
    """
    if not address.startswith(("https://", "http://")):
        raise ConfigError(f"the address is {address!r}: it must start with https:// or http://")
    # The address of a chat service is a secret: it goes where the server encrypts it and shows stars.
    webhook = CustomWebhookNotificationBlock(
        name="finetrail",
        url="{{address}}",
        secrets=SecretDict({"address": address}),
        json_data={"text": "{{subject}}\n{{body}}"},
    )
    block = webhook.save(BLOCK, overwrite=True)
    failed = EventTrigger(
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.Refused"},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=_OURS,
        for_each={"prefect.resource.id"},
    )
    promoted = EventTrigger(expect={PROMOTED}, for_each={"prefect.resource.id"})
    _replace(
        "finetrail-tell-of-failures",
        failed,
        SendNotification(
            block_document_id=block,
            subject="{{ flow.name }} / {{ flow_run.name }}: {{ flow_run.state.name }}",
            body="{{ flow_run.state.message }}\n{{ flow_run | ui_url }}",
        ),
    )
    _replace(
        "finetrail-tell-of-promotions",
        promoted,
        SendNotification(
            block_document_id=block,
            subject="{{ event.resource.name }}: {{ event.payload.model }} is champion",
            body="{{ event.payload.reason }}",
        ),
    )


def _replace(name: str, trigger: EventTrigger, action: SendNotification) -> None:
    with get_client(sync_client=True) as client:
        for known in client.read_automations_by_name(name):
            client.delete_automation(known.id)
    Automation(name=name, trigger=trigger, actions=[action]).create()


@one_line_errors
def main(address: Annotated[str, typer.Argument(help="Of a webhook that takes JSON.")]) -> None:
    """Have failed runs and promoted models told to a webhook."""
    notify(address)
    out.print("the webhook will be told of failed runs and promoted models; see Automations in Prefect's pages")


if __name__ == "__main__":
    typer.run(main)
