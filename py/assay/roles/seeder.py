"""A seeder: keeps and serves the checkpoints of tasks, and what they are made of, for nodes that can't be reached.

It holds no stake and sends nothing to the chain. It is admitted to tell of checkpoints only where its account is
enlisted or published the task; others hear of it from its record. Doesn't judge what it serves: roots do.
"""

from __future__ import annotations

import threading
from functools import partial

from assay.roles.acting import act_shared, run_role
from assay.roles.actions import Action, FetchCheckpoint
from assay.roles.config import NodeConfig, Say
from assay.roles.deciding import TaskView, hold_head
from assay.roles.node import Node


def run(config: NodeConfig, stop: threading.Event, say: Say) -> None:
    """Serve until `stop` is set, or until the one task is over that it was given."""
    node = Node(config, None, "seeder", say)
    say(f"seeder {config.name} {node.account} serves {node.serve()}")

    def finished(views: list[TaskView]) -> bool:
        return config.task is not None and bool(views) and all(view.over for view in views)

    run_role(node, partial(decide_seeder, newest=config.versions), act_shared, stop, finished)


def decide_seeder(view: TaskView, newest: int) -> list[Action]:
    """Hold the newest checkpoint and the `newest` latest final ones."""
    known = view.held_checkpoints | {number for number, _ in view.missing_checkpoints}
    latest = sorted(known, reverse=True)[:newest]
    others = [
        FetchCheckpoint(number, root)
        for number, root in view.missing_checkpoints
        if number in latest and number != view.head and f"checkpoint:{number}" not in view.running
    ]
    return [*hold_head(view), *others]
