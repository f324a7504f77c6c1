"""What the swarm's tests fetch."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.swarm.seeds import Seed


@pytest.fixture
def seed(tmp_path: Path) -> Seed:
    return Seed(tmp_path, 5.5)
