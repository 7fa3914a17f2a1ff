"""Joins that find near duplicates."""
