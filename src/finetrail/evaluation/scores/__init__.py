"""Metrics, and how far they may be due to the rows that were drawn."""
