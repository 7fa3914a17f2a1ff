"""Annotation files of object detection, one module a form."""
