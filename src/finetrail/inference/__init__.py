"""Forward passes without gradients, and what they share with training: batches, devices, memory, processes."""
