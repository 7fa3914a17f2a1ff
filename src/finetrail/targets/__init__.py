"""What the label of a row is: one folder a kind of target."""
