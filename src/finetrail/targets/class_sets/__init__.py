"""Labels that are sets of classes: a row has any number of them, also none (multi-label classification)."""
