"""Talks to nodes that run shardcast 0.3.2 as it is: a gateway that they download from, a client for their origins.

Everything else in `swarm` is stronger: here a version has no signature, and one hash for the whole file.
"""
