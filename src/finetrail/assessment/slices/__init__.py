"""Slices: groups of rows on which a model is worse than on the rest, searched for and tested."""
