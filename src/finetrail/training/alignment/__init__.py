"""Losses that are small where what a network makes of two domains cannot be told apart. One file a method."""
