"""The HTTP API over a node's records, and the same records as plain values for the command line.

Reads the store, changes nothing.
"""
