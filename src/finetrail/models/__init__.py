"""Backbones, heads, and their files (safetensors only)."""
