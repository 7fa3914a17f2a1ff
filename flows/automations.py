"""Make automations.yaml known to the Prefect server that PREFECT_API_URL names; again whenever the file changes.

python -m flows.automations
"""

from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from ruamel.yaml import YAML

from flows.places import CHECKOUT


def make_known(file: Path) -> None:
    """Create each automation of the file, and update those of its name that differ.

    One that is the same is left alone: an update makes the server forget which runs it is waiting for.
    """
    wanted = YAML(typ="safe").load(file.read_text(encoding="utf-8"))["automations"]
    with get_client(sync_client=True) as client:
        for one in map(AutomationCore.model_validate, wanted):
            known = client.read_automations_by_name(one.name)
            if not known:
                client.create_automation(one)
            elif _content(known[0]) != _content(one):
                client.update_automation(known[0].id, one)


def _content(automation: AutomationCore) -> Any:
    """Its content without what the server adds, in a fixed order."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key != "id"}
        return sorted(map(plain, value), key=repr) if isinstance(value, list) else value

    return plain(automation.model_dump(mode="json", include=set(AutomationCore.model_fields)))


if __name__ == "__main__":
    make_known(CHECKOUT / "automations.yaml")
