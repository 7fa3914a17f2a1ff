"""The figures of a study: inline SVG, see evaluation/report/drawing.py."""
