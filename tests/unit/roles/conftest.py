"""The node that the tests of roles act with; each file tells it a `story` of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.roles.bench import Bench
from unit.roles.story import Story


@pytest.fixture
def bench(story: Story, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, story)
    made.serves(story)
    yield made
    made.jobs.close()
