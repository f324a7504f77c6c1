from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.errors import Refused
from assay.model import forward, profile
from assay.model.env import registry
from assay.protocol import toploc
from assay.protocol.assignment import group_seed, noise_key, prompt_seed
from assay.protocol.profile import of_task
from assay.train import rollout
from unit.train.world import BEACON, TRAINER, World


def test_assign__groups_from_an_offset__as_the_protocol_derives_them(world: World) -> None:
    assigned = rollout.assign(world.spec, BEACON, 1, 2, TRAINER, 3, 2)
    seed = group_seed(BEACON, 1, 2, TRAINER, 4)
    assert assigned.seeds[1] == prompt_seed(seed, world.spec.environment.seed_count)
    assert assigned.keys.shape == (2, 4) and int(assigned.keys[1, 2]) == noise_key(seed, 2)


def test_make_rollouts__honest__form_rewards_and_proofs_hold(world: World) -> None:
    made = rollout.make_rollouts(world.model(), world.env, world.spec, BEACON, 1, 2, TRAINER, 0, 8)
    made.check(world.spec)
    assigned = rollout.assign(world.spec, BEACON, 1, 2, TRAINER, 0, 8)
    for i in range(len(made)):
        seed = assigned.seeds[i // 4]
        assert made.prompts[i].tolist() == world.env.prompt(seed)
        assert made.rewards[i] == np.float32(world.env.score(seed, made.tokens[i, : made.lengths[i]].tolist()))
    columns = (made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    _, hidden, asked = forward.prefill_groups(world.model(), *columns, 4)
    check = of_task(world.spec.verification)
    for states, lengths, proofs in (
        (hidden, made.lengths, made.proofs),
        (asked, made.prompt_lengths[::4], made.prompt_proofs),
    ):
        results = toploc.verify_many(
            profile.bits(states, check.patterns),
            lengths.astype(np.int64),
            [[row.tobytes()] for row in proofs],
            check.chunk,
            check.top_k,
        )
        assert all(chunk.far == 0 and chunk.close_mean <= 0.15 for chunks in results for chunk in chunks)


def test_bound__another_hash_or_too_many_seeds__refused(world: World) -> None:
    pinned = world.spec.environment
    with pytest.raises(Refused, match="another version"):
        registry.bound(replace(world.spec, environment=replace(pinned, hash=b"\x01" * 32)), world.folder.parent)
    with pytest.raises(Refused, match="seed_count"):
        registry.bound(replace(world.spec, environment=replace(pinned, seed_count=10**6)), world.folder.parent)
