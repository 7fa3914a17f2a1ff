"""Metrics, and how much they depend on the sample of rows."""
