"""Moves artifacts between nodes: a store of complete ones, a server that shares them, a client that trusts no one.

Knows nothing of what the files mean; `artifact` reads them.
"""
