"""Salts: made again from the key alone, and never the same twice."""

from __future__ import annotations

from assay.chain.keys import LocalSigner
from assay.roles.secrets import commitment_salt, mark_salt

LEDGER = "0x" + "aB" * 20
KEY = b"\x11" * 32


def test_salt__same_key_after_a_restart__is_the_same() -> None:
    first = commitment_salt(LocalSigner(KEY), 1, LEDGER, 2, 3)
    assert first == commitment_salt(LocalSigner(KEY), 1, LEDGER.lower(), 2, 3)
    assert len(first) == 32


def test_salt__of_any_other_thing__is_another() -> None:
    signer = LocalSigner(KEY)
    made = [
        commitment_salt(signer, 1, LEDGER, 2, 3),
        commitment_salt(signer, 9, LEDGER, 2, 3),
        commitment_salt(signer, 1, "0x" + "cd" * 20, 2, 3),
        commitment_salt(signer, 1, LEDGER, 23, 3),
        commitment_salt(signer, 1, LEDGER, 2, 33),
        commitment_salt(LocalSigner(b"\x12" * 32), 1, LEDGER, 2, 3),
        mark_salt(signer, 1, LEDGER, 2, 3),
        mark_salt(signer, 1, LEDGER, 2, 4),
    ]
    assert len(set(made)) == len(made)
