"""Make automations.yaml known to the Prefect server that PREFECT_API_URL names; again whenever the file changes.

python -m flows.automations
"""

from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from ruamel.yaml import YAML

from flows.places import CHECKOUT


def make_known(file: Path) -> None:
    """Create each automation of the file, or change the one of its name."""
    wanted = YAML(typ="safe").load(file.read_text(encoding="utf-8"))["automations"]
    with get_client(sync_client=True) as client:
        for one in map(AutomationCore.model_validate, wanted):
            known = client.read_automations_by_name(one.name)
            if known:
                client.update_automation(known[0].id, one)
            else:
                client.create_automation(one)


if __name__ == "__main__":
    make_known(CHECKOUT / "automations.yaml")
