"""A label that is a class for each pixel of an image."""
