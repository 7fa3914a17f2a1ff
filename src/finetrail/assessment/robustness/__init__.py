"""Robustness: how a model's answers change when its contents are perturbed as the world perturbs them."""
