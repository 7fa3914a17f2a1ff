"""Prefect's commands with a server whose transactions on SQLite wait for their turn.

    python -m flows.sqlite_server server start

Prefect opens most transactions with `BEGIN DEFERRED`. One that reads before it writes fails at once with "database
is locked" if another has written in between: events are lost then, and with them what an automation would have done.
Worse, the failure keeps a cursor, which takes the mutex of its connection when it is collected: on the event loop's
thread, while the connection waits for a lock whose holder that loop should run. The server then answers nobody until
SQLite gives up, after a minute. `BEGIN IMMEDIATE` has the lock before it reads
(https://www.sqlite.org/lang_transaction.html).
"""

import runpy
from typing import Any

from sqlalchemy import Engine, event


def take_turns(statement: str, parameters: Any, **_: Any) -> tuple[str, Any]:
    """Take the lock where a transaction begins: a handler of SQLAlchemy's event `before_cursor_execute`."""
    return "BEGIN IMMEDIATE" if statement == "BEGIN DEFERRED" else statement, parameters


if __name__ == "__main__":
    event.listen(Engine, "before_cursor_execute", take_turns, retval=True, named=True)
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
