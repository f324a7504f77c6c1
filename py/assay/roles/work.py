"""The heavy jobs of the roles as JSON in, JSON out: what runs in the sandbox's child processes.

Knows nothing of chains or clocks. Reads strangers' artifacts only through the bounded readers of `artifact`.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.artifact import signing, update, weights
from assay.errors import Refused
from assay.protocol import merge as merging
from assay.protocol import profile
from assay.protocol.hashing import hex32, unhex32
from assay.protocol.pace import Pace
from assay.protocol.spec import TaskSpec, parse_json
from assay.types import Reason

if TYPE_CHECKING:
    from assay.train.export import Submitted
    from assay.train.order import Order

UPDATE_FILE = "update.safetensors"


def generate(args: dict[str, Any]) -> dict[str, Any]:
    """Make the rollouts of a submission in the folder `pieces`, for as long as `left` seconds allow at the given pace.
    Returns how many groups are there and the seconds that they took.
    """
    from assay.model.load import determinism
    from assay.train.generation import generate as make

    determinism(args["threads"])
    known = Pace(args["rollouts_pace"], args["training_pace"])
    made = make(_order(args), Path(args["pieces"]), known, args["left"])
    return {"groups": made.groups, "seconds": made.seconds}


def train(args: dict[str, Any]) -> dict[str, Any]:
    """Make one submission of the rollouts that are there: steps, artifact in `out`. Returns its root, its units, the
    seconds that it took and the digest that its trainer signs.
    """
    from assay.model.load import determinism
    from assay.train.export import train_on
    from assay.train.generation import generated

    begin = time.monotonic()
    determinism(args["threads"])
    order = _order(args)
    made = train_on(order, generated(order, Path(args["pieces"])), Path(args["out"]), states=Path(args["states"]))
    seconds = time.monotonic() - begin
    bad = _known_bad(args, made) if args.get("canary") else {}
    told = {"root": hex32(made.root), "units": made.units, "loss_rise": made.loss_rise, "training": seconds}
    return {**told, "digest": hex32(signing.digest_of(made.manifest)), **bad}


def sign(args: dict[str, Any]) -> dict[str, Any]:
    """Put the trainer's signature into the own submission in `folder`. Returns its new root."""
    signature = bytes.fromhex(args["signature"])
    return {"root": hex32(signing.sign(Path(args["folder"]), _spec(args), signature).root())}


def _order(args: dict[str, Any]) -> Order:
    from assay.train.order import Order

    beacon = unhex32(args["beacon"])
    return Order(
        Path(args["checkpoint"]), _spec(args), args["binding"], beacon, fault=args["fault"], labels=args.get("labels")
    )


def _known_bad(args: dict[str, Any], made: Submitted) -> dict[str, Any]:
    """Return where a canary fails its exact check, as a validator would name it."""
    from assay.verify.case import Case
    from assay.verify.check import context_of
    from assay.verify.reward import check_reward

    bound = {**args["binding"], "units": made.units, "beacon": args["beacon"], "audit_seed": "0x" + "00" * 16}
    try:
        check_reward(Case(Path(args["out"]), Path(args["checkpoint"]), _spec(args), context_of(bound)))
    except Refused as fault:
        return {"leaf": fault.leaf or 0, "check": int(fault.reason or Reason.REWARD)}
    raise Refused("the canary fails no check")


def labels(args: dict[str, Any]) -> dict[str, Any]:
    """Read the labels of some submissions. Returns [item's number, letter] for each."""
    from assay.artifact import rollouts
    from assay.protocol.agreement import LABELS

    spec, found = _spec(args), list[list[Any]]()
    for folder in args["folders"]:
        made = rollouts.read(Path(folder) / rollouts.NAME, spec)
        said = zip(made.problems.tolist(), made.texts.tolist(), strict=True)
        found += [[number, letter] for number, text in said for letter in text.strip()[:1] if letter in LABELS]
    return {"labels": found}


def merge(args: dict[str, Any]) -> dict[str, Any]:
    """Compute the next checkpoint from a base, the included updates and the corrections of earlier rounds; write it to
    `out`. Returns its root."""
    spec = _spec(args)
    base = weights.read_checkpoint(Path(args["checkpoint"]), spec.rounds.max_artifact_bytes)
    theta = weights.flatten(base.arrays)
    parts = _parts(args["parts"], theta.size)
    revisions = [
        merging.Revision(_parts(one["before"], theta.size), _parts(one["after"], theta.size))
        for one in args["corrections"]
    ]
    outer = spec.outer
    theta, momentum = merging.merge(theta, base.momentum, parts, outer.lr_4096, outer.momentum_4096, revisions)
    following = weights.Checkpoint(weights.unflatten(theta, base.arrays), momentum, base.config)
    return {"root": hex32(weights.write_checkpoint(Path(args["out"]), following).root())}


def evaluate(args: dict[str, Any]) -> dict[str, Any]:
    """Measure a checkpoint on held-out items. Returns reward, entropy, lengths and speed, and examples if asked for."""
    from assay.model.load import determinism
    from assay.train.evaluate import evaluate as measure

    determinism(args["threads"])
    progress = partial(_tell, Path(args["told"])) if "told" in args else None
    shown = args.get("examples", 0)
    return measure(Path(args["checkpoint"]), _spec(args), args["items"], shown, progress).to_json()


def import_model(args: dict[str, Any]) -> dict[str, Any]:
    """Turn a stranger's model into a model artifact and checkpoint 0 in `out`. Returns roots and sizes."""
    from assay.train.importing import import_model as bring

    told = Path(args["told"])
    adapter, dtype = args["adapter"], args["dtype"]
    made = bring(Path(args["source"]), Path(args["out"]), adapter, dtype, args["seed"], partial(_tell, told))
    return {
        "model": hex32(made.model.root()),
        "base": hex32(made.checkpoint.root()),
        "adapter": made.adapter,
        "architecture": made.architecture,
        "dtype": made.dtype,
        "parameters": made.parameters,
        "trained": made.trained,
        "size_bytes": made.model.size,
        "base_bytes": made.checkpoint.size,
    }


def export_model(args: dict[str, Any]) -> dict[str, Any]:
    """Write a checkpoint to the folder `out` as others load it. Returns what it is."""
    from assay.train.exporting import export

    progress = partial(_tell, Path(args["told"]))
    place = Path(args["checkpoint"]), Path(args["out"])
    return export(*place, args["merge"], args["dtype"], args["max_bytes"], progress)


def _tell(told: Path, what: str, share: float) -> None:
    """Leave word of how far the work is for whoever waits for it."""
    told.write_text(json.dumps([what, share]))


def open_steps(args: dict[str, Any]) -> dict[str, Any]:
    """Make the openings of the drawn steps of an own submission in `out`. Returns their folders."""
    from assay.model.load import determinism
    from assay.train.keeping import open_steps as opened

    determinism(args["threads"])
    place = Path(args["states"]), Path(args["folder"]), Path(args["checkpoint"])
    return {"folders": [str(folder) for folder in opened(*place, _spec(args), args["steps"], Path(args["out"]))]}


def wanted(args: dict[str, Any]) -> dict[str, Any]:
    """Read the roots of what a trainer has to open."""
    from assay.verify.check import wanted_json

    return wanted_json(args)


def preview(args: dict[str, Any]) -> dict[str, Any]:
    """Check what needs neither model nor opening. Returns the finding."""
    from assay.verify.check import preview_json

    return preview_json(args)


def check(args: dict[str, Any]) -> dict[str, Any]:
    """Check one submission. Returns the finding as JSON."""
    from assay.model.load import determinism
    from assay.verify.check import check_json

    determinism(args["threads"])
    return check_json(args)


def _parts(named: list[dict[str, Any]], size: int) -> list[merging.Part]:
    """Read updates by their folders and units."""
    parts = []
    for one in named:
        read = update.read(Path(one["folder"]) / UPDATE_FILE, size)
        parts.append(merging.Part(read.q, read.scale, one["units"]))
    return parts


def _spec(args: dict[str, Any]) -> TaskSpec:
    profile.learn_all(args.get("profiles", []))
    return parse_json(args["spec"].encode())
