"""Auxiliary losses that import torch: those that are small where two domains look alike to a network."""
