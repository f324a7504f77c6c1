"""The labels that a node's owner made, as its jobs get them. Knows nothing of who agrees with whom."""

from __future__ import annotations

from assay.model.env.preferences import read_labels
from assay.protocol.kinds import KINDS
from assay.protocol.spec import TaskSpec
from assay.roles.config import NodeConfig


def own_labels(config: NodeConfig, spec: TaskSpec) -> dict[str, str] | None:
    """Return the labels in the owner's file, by the items' keys, where the task asks for some. Refused if malformed."""
    if not KINDS[spec.kind].labelled:
        return None
    return read_labels(config.labels) if config.labels is not None else {}
