"""The password in an address stays out of what is printed, with and without a traceback. See also `test_team.py`."""

import pytest

from tests.pipeline.workspaces import Sandbox

PASSWORD = "planted0password"  # noqa: S105  (planted, to be looked for)


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_address_is_printed_without_its_password(finished: Sandbox, debug: str) -> None:
    done = finished.run(
        "finetrail",
        "models",
        MLFLOW_TRACKING_URI=f"http://worker:{PASSWORD}@127.0.0.1:9",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
        FINETRAIL_DEBUG=debug,
    )
    assert done.code != 0
    assert ("Traceback" in done.err) == bool(debug)
    assert "127.0.0.1" in done.err
    assert PASSWORD not in done.out + done.err
