"""`finetrail review`: serve the page until the person ends it."""

from collections.abc import Callable
from typing import Any

from finetrail.commands.review.decisions import Reviewed
from finetrail.commands.review.questions import questions
from finetrail.commands.review.server import ReviewServer
from finetrail.data.sources.columns import Columns
from finetrail.data.store.corrections import DROP, read_lines
from finetrail.errors import WorkspaceError
from finetrail.evaluation.report.section import render
from finetrail.programs.git import Repository
from finetrail.programs.ports import refuse_busy
from finetrail.targets.target import Target
from finetrail.workspace import Workspace

_HERE = "finetrail.commands.review"


def review(
    workspace: Workspace, target: Target, columns: Columns, port: int, ready: Callable[[str, int], None]
) -> None:
    """Show the suspects, and write what the person decides to data/corrections.csv, until Ctrl-C.

    Args:
        columns: section `source.columns`.
        ready: hears the address, and how many suspects there are.

    Raises:
        ConfigError: the port is in use.
        WorkspaceError: labels were not assessed, or git does not know who decides.
    """
    server = serve(workspace, target, columns, port)
    with server:
        ready(server.address, server.count)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def serve(workspace: Workspace, target: Target, columns: Columns, port: int) -> ReviewServer:
    """The server, which listens already. Args: port: 0 for any that is free."""
    who = Repository(workspace.root).setting("user.name")
    if not who:
        raise WorkspaceError(
            'a correction says who made it, but git knows no user.name; set it: `git config user.name "Your Name"`'
        )
    if port:
        refuse_busy(port, "finetrail review --port {port}")
    file = workspace.corrections
    lines = read_lines(file) if file.exists() else []
    asked = questions(workspace, target, columns)

    def read(where: str, cell: str) -> Any:
        return target.from_cell(where, cell, columns)

    lock = workspace.scratch / "corrections.lock"
    reviewed = Reviewed(file, lock, who, {one.id: one for one in asked}, read, {line.id: line for line in lines})
    # Every class that occurs, for completion; spans and long sets are typed.
    known = sorted({cell for one in asked for cell in one.cells if cell and len(cell) <= 80})

    def page(token: str, nonce: str) -> str:
        now = {line.id: line for line in read_lines(file)} if file.exists() else {}
        values = {"questions": asked, "decided": now, "known": known, "who": who, "drop": DROP}
        return str(render("page.html.jinja", _HERE, token=token, nonce=nonce, **values))

    return ReviewServer(port, page, reviewed.decide, len(asked))
