"""Trained models in the formats of others: folders that their libraries load without this project."""
