"""Readers that every kind of content shares."""
