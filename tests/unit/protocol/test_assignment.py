"""Group seeds, prompts and noise keys."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from assay.protocol.assignment import group_seed, noise_key, prompt_seed
from assay.protocol.hashing import keccak

BEACON = keccak(b"beacon")
TRAINER = "0x" + "ab" * 20


def test_group_seed__its_words__are_abi_encoded() -> None:
    words = BEACON + (7).to_bytes(32, "big") + (2).to_bytes(32, "big")
    words += bytes.fromhex("ab" * 20).rjust(32, b"\0") + (3).to_bytes(32, "big")

    assert group_seed(BEACON, 7, 2, TRAINER, 3) == keccak(words)


def test_group_seed__any_input_changed__changes() -> None:
    seeds = {
        group_seed(BEACON, 7, 2, TRAINER, 3),
        group_seed(keccak(b"other"), 7, 2, TRAINER, 3),
        group_seed(BEACON, 8, 2, TRAINER, 3),
        group_seed(BEACON, 7, 3, TRAINER, 3),
        group_seed(BEACON, 7, 2, "0x" + "ac" * 20, 3),
        group_seed(BEACON, 7, 2, TRAINER, 4),
    }

    assert len(seeds) == 6


def test_group_seed__address_in_other_case__is_the_same_trainer() -> None:
    assert group_seed(BEACON, 1, 1, TRAINER.upper().replace("0X", "0x"), 0) == group_seed(BEACON, 1, 1, TRAINER, 0)


def test_group_seed__short_beacon__is_refused() -> None:
    with pytest.raises(Refused):
        group_seed(b"\1" * 31, 1, 1, TRAINER, 0)


def test_prompt_seed__big_endian_modulo() -> None:
    assert prompt_seed((1000).to_bytes(32, "big"), 7) == 1000 % 7


def test_prompt_seed__no_seeds__is_refused() -> None:
    with pytest.raises(Refused):
        prompt_seed(BEACON, 0)


def test_noise_key__members_of_a_group__differ_and_fit_64_bits() -> None:
    keys = {noise_key(BEACON, member) for member in range(64)}

    assert len(keys) == 64
    assert all(0 <= key < 1 << 64 for key in keys)
