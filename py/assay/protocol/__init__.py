"""The rules of the protocol as pure functions: no network, no clock, no randomness, no files.

Every rule that also exists in the contracts is held to them by the golden vectors in `tests/vectors/`.
"""
