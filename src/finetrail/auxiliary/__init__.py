"""What a candidate learns beside the labels: one file for each kind, on one base."""
