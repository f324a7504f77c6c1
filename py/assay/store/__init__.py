"""Records in SQLite or PostgreSQL: what the chain said, what this node did. Knows no chain, no model, no network."""

from __future__ import annotations

from assay.store.batch import Batch
from assay.store.engine import Store, open_store

__all__ = ["Batch", "Store", "open_store"]
