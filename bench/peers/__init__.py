"""The sides of the benchmarks, one file per side; each runs in its own process, as `python -m peers.plain`."""
