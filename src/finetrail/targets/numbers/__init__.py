"""A label that is a number."""
