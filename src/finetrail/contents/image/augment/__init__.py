"""How training images vary."""
