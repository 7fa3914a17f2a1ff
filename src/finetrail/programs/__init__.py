"""Other programs: git, DVC, processes, and the environment they run in."""
