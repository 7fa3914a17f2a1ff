"""Metrics, bootstrap intervals, selection and the report: what is the same for every target."""
