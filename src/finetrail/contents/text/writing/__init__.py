"""Encoder-decoders of transformers: a text in, a text out."""
