"""Which row goes to train, val or test."""
