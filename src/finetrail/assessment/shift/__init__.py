"""How far a set of rows without labels is from the training rows, before and after training."""
