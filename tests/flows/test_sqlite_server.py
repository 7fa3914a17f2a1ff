"""Prefect's server on SQLite, with many that write at once."""

from concurrent.futures import ThreadPoolExecutor

from tests.flows.server import Team


def test_those_that_write_at_once_wait_for_each_other(team: Team) -> None:
    flow = team.ask("flows/", name="crowd")["id"]
    deployment = team.ask("deployments/", name="crowd", flow_id=flow)["id"]

    def run(number: int) -> str:
        made = team.ask(
            f"deployments/{deployment}/create_flow_run", idempotency_key=str(number // 2), state={"type": "SCHEDULED"}
        )
        for state in ("PENDING", "RUNNING", "COMPLETED"):
            team.ask(f"flow_runs/{made['id']}/set_state", state={"type": state})
        return str(made["id"])

    with ThreadPoolExecutor(8) as crowd:
        made = list(crowd.map(run, range(80)))  # one that the server refuses raises
    assert len(set(made)) == 40
