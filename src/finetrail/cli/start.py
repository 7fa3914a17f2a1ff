"""`finetrail`: a stage is handed to the workspace's warm server; all else, and what it cannot take, runs here."""

import sys

STAGES = frozenset({"ingest", "validate", "split", "train", "select", "test", "register"})


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in STAGES:
        from finetrail.warm.client import run_stage, wanted

        if wanted():
            code = run_stage(arguments)
            if code is not None:
                sys.exit(code)
    from finetrail.cli.app import app

    app(prog_name="finetrail")
