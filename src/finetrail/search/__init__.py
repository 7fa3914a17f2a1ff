"""Search: a candidate leaves settings open, and a study finds values for them on the validation split."""
