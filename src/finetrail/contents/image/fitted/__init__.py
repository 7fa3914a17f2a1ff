"""Whole images on a canvas, for labels that name places in them: nothing is cut off, and places move with the image."""
