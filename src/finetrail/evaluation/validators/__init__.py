"""Scores of a model in a domain without labels, by which `select` may rank candidates."""
