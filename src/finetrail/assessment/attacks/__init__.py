"""Attacks: how a model's answers change when somebody who sees its gradient changes the contents."""
