"""`python -m finetrail`: the command line."""

from finetrail.cli.app import app

app(prog_name="finetrail")
