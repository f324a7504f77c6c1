"""Talks to contracts on any EVM chain: follows their events, sends transactions, keeps keys.

Doesn't protect against a node that lies consistently: whoever doesn't trust an endpoint runs one.
"""

from __future__ import annotations
