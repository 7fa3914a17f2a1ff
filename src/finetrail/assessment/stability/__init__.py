"""Stability: how much of a model's score and answers is chance, of the seed and of the training rows."""
