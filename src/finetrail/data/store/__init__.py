"""Rows on disk: Parquet shards and a manifest."""
