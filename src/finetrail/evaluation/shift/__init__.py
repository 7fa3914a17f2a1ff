"""How far the rows of one domain are from those of another, without a label of the other."""
