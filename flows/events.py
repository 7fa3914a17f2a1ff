"""What happens here that others may hook: events on Prefect's server, for its automations."""

from prefect.events import emit_event

PROMOTED = "finetrail.model.promoted"


def tell_promoted(model: str, version: int, reason: str) -> None:
    """Tell that a version has become the champion.

    The event's resource is `finetrail.model.<model>`, its payload has `version` and `reason`: an automation with
    `expect: [finetrail.model.promoted]` can deploy the model, for one.
    """
    resource = {"prefect.resource.id": f"finetrail.model.{model}", "prefect.resource.name": model}
    emit_event(PROMOTED, resource, payload={"version": version, "reason": reason})
