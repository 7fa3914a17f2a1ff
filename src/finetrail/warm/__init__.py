"""Warm stages: a stage is forked from a process that has imported the libraries already, instead of importing them."""
