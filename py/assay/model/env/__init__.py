"""Environments: what asks, and what scores. Pure Python; knows no model, no chain and no files."""
