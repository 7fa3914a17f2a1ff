"""Tests of the training loop and what it stands on."""
