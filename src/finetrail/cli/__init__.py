"""The `finetrail` command line: the only code that reads argv."""
