"""Queries by noun: each file is one part of the store."""
