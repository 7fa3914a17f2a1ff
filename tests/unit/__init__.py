"""One test module a source module, laid out as src/finetrail is."""
