"""`python -m finetrail`: the command line."""

from finetrail.cli import app

app(prog_name="finetrail")
