"""The record of a training run in files, and its mirror in MLflow."""
