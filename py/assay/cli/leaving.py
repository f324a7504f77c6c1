"""Leaving tasks step by step: leave, then free what no round needs any more. Says what each step did or waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.cli.session import Session
from assay.errors import Refused
from assay.types import Role

if TYPE_CHECKING:
    from assay.roles.config import NodeConfig
    from assay.store.rows import EnlistmentRow


def leave_tasks(s: Session, name: str, task: int | None) -> list[str]:
    """Leave every task, or one, and release what can be;

    Return one sentence per enlistment. Refused if a task isn't served.
    """
    with s.records() as store:
        served = [
            row for row in store.enlistments_of(s.names.address(name)) if not row.released and task in {None, row.task}
        ]
    if task is not None and not served:
        raise Refused(f"{name} isn't enlisted for task {task}")
    config = s.node_config(name)
    return [_leave(s, config, row) for row in served]


def _leave(s: Session, config: NodeConfig, row: EnlistmentRow) -> str:
    from assay.roles.money import leave, release

    what = f"task {row.task} {Role(row.role).name.lower()}"
    if row.until_round is None and not s.contracts.is_over(row.task):
        leave(config, row.task, row.role)
        what += " left"
    try:
        release(config, row.task, row.role)
    except Refused as error:
        return f"{what}, its stake isn't free yet: {error}"
    return f"{what}, its stake is free"
