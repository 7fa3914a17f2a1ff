"""What happens here that others may hook: events on Prefect's server, for its automations."""

from prefect.events import emit_event

PROMOTED = "finetrail.model.promoted"


def tell_promoted(model: str, reason: str) -> None:
    """Tell that a version has become the champion.

    The event's resource is `finetrail.model.<name>`, its payload has `model` and `reason`: an automation with
    `expect: [finetrail.model.promoted]` can deploy the model, for one.

    Args:
        model: its address, `models:/<name>/<version>`.
    """
    name = model.removeprefix("models:/").partition("/")[0]
    resource = {"prefect.resource.id": f"finetrail.model.{name}", "prefect.resource.name": name}
    emit_event(PROMOTED, resource, payload={"model": model, "reason": reason})
