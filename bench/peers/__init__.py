"""The sides of the benchmarks, one file a side; each runs in a process of its own, as `python -m peers.plain`."""
