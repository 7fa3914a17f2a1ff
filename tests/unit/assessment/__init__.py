"""Tests of what a model is worth besides its score."""
