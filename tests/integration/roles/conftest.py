"""One chain, one base model and two validators for all tests of the roles. The validators serve every task."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.roles.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"))
    yield made
    made.close()
