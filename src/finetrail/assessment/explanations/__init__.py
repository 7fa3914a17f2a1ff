"""Explanations: which parts of a row made for a wrong answer, and which training rows are like it."""
