"""The `finetrail` command line: the only readers of argv."""
