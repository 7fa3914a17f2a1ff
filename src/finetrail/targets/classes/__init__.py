"""A label that is one of several classes."""
