"""Events on Prefect's server that its automations can react to."""

from prefect.events import emit_event

PROMOTED = "finetrail.model.promoted"


def tell_promoted(model: str, reason: str) -> None:
    """Emit the event that a version has become the champion.

    The event's resource is `finetrail.model.<name>`, its payload has `model` and `reason`: an automation with
    `expect: [finetrail.model.promoted]` can deploy the model, for example.

    Args:
        model: its address, `models:/<name>/<version>`.
    """
    name = model.removeprefix("models:/").partition("/")[0]
    resource = {"prefect.resource.id": f"finetrail.model.{name}", "prefect.resource.name": name}
    emit_event(PROMOTED, resource, payload={"model": model, "reason": reason})
