"""Texts: reading, rules, near duplicates, tokenizer, encoders, export."""
