"""`python -m finetrail`: the command line."""

from finetrail.warm.start import main

main()
