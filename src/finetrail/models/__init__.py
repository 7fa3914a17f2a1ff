"""What networks of all kinds share: blocks, layers, weights, and their files (safetensors only)."""
