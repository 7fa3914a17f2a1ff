"""Answers of a packed model as another machine would get them; run by its file name, see `finetrail.programs.clean`.

The finetrail that is installed here is hidden: the code comes from the package. Connecting to any host raises, and so
does a pickle that names anything to import.
"""

import asyncio
import base64
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

AT_ONCE, BYTES = 32, 16 * 2**20
"""The most rows in a request, and the most bytes of their contents; a single row may have more."""
# As for a caller whom the server trusts, and who waits: bounds are not what is tried here.
_UNBOUNDED = {"FINETRAIL_READ_PATHS": "1", "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "36000"}


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or (
        event == "socket.connect" and getattr(arguments[0], "family", None) != socket.AF_UNIX
    ):
        raise RuntimeError(f"the packed model accesses the network ({event} {arguments[1:]})")
    if event == "pickle.find_class":
        raise RuntimeError(f"the packed model unpickles {arguments[0]}.{arguments[1]}")


def main(folder: Path, rows: Path, answers: Path, served: int) -> None:
    """Load the packed model, and write its answer to each row; of the first, also what a caller gets over HTTP."""
    import mlflow.pyfunc
    import pandas as pd

    frame = pd.read_parquet(rows)
    sys.addaudithook(_refuse)
    model = mlflow.pyfunc.load_model(str(folder))
    import finetrail

    if not Path(finetrail.__file__).resolve().is_relative_to(folder.resolve()):
        raise RuntimeError(f"the packed model runs code from outside itself, {finetrail.__file__}")
    requests = _requests(frame.head(served))
    # The rows of a request are answered together here too: other company changes the last digits of an answer, which
    # decide what a threshold does with it.
    together = [*requests, frame.iloc[served:]] if served < len(frame) else requests
    answer = model.unwrap_python_model().answers
    pd.concat([answer(part) for part in together], ignore_index=True).to_parquet(answers, index=False)
    heard = asyncio.run(_heard(model, requests)) if requests else []
    answers.with_suffix(".json").write_text(json.dumps(heard), encoding="utf-8")


def _requests(frame: Any) -> list[Any]:
    """The rows of each request."""
    found, start, size = [], 0, 0
    for place, row in enumerate(frame.itertuples(index=False, name=None)):
        more = sum(len(one) if isinstance(one, bytes) else len(str(one)) for one in row)
        if place > start and (place - start == AT_ONCE or size + more > BYTES):
            found.append(frame.iloc[start:place])
            start, size = place, 0
        size += more
    return [*found, frame.iloc[start:]] if len(frame) else []


async def _heard(model: Any, requests: Sequence[Any]) -> list[dict[str, Any]]:
    """What MLflow's scoring server answers: its own app and routes, without a socket."""
    import httpx
    from mlflow.pyfunc.scoring_server import init

    os.environ |= _UNBOUNDED
    # A row has one content under any name, or one in each of the columns; a caller may send it in other ways too.
    columns = model.metadata.get_input_schema().input_names()
    columns = columns[: requests[0].shape[1]]
    found: list[dict[str, Any]] = []
    transport = httpx.ASGITransport(app=init(model))
    async with httpx.AsyncClient(transport=transport, base_url="http://model", timeout=None) as client:  # noqa: S113
        for request in requests:
            rows = request[columns] if len(columns) > 1 else request.iloc[:, :1]
            data = [[_sent(one) for one in row] for row in rows.itertuples(index=False, name=None)]
            said = await client.post("/invocations", json={"dataframe_split": {"columns": columns, "data": data}})
            if said.status_code != httpx.codes.OK:
                raise RuntimeError(f"MLflow's server answers with status {said.status_code}: {said.text[:200]}")
            found += said.json()["predictions"]
    asked = sum(map(len, requests))
    if len(found) != asked:
        raise RuntimeError(f"MLflow's server gives {len(found)} answers to {asked} rows")
    return found


def _sent(value: Any) -> Any:
    """A value as JSON has it; lists are arrays in a frame out of Parquet."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.tolist() if hasattr(value, "tolist") else value


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
