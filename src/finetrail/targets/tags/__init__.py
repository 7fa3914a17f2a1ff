"""A label that is a list of typed spans of a text: named entities, chunks, parts of speech."""
