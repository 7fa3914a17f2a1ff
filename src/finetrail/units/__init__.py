"""Units of work: further trainings of a candidate, with other seeds or fewer rows. Each is trained once and kept."""
