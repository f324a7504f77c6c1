"""The digests that bind words to one chain, one ledger, one task, one round and one signer (EIP-712).

Knows nothing of keys. Doesn't hide a vote from whoever can guess its salt: salts must be secret and fresh per round.
"""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address

from assay.protocol.hashing import keccak

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_ATTESTATION = keccak(
    b"Attestation(uint256 task,uint32 round,address validator,bytes votes,uint256 held,bytes32 evidence,bytes32 salt)"
)
_KEPT_BITS = 238


def domain_separator(chain_id: int, ledger: str) -> bytes:
    """Return the 32-byte EIP-712 domain separator of a round ledger: name Assay, version 1."""
    types = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    values = [_DOMAIN, keccak(b"Assay"), keccak(b"1"), chain_id, to_canonical_address(ledger)]
    return keccak(encode(types, values))


def attestation_digest(
    chain_id: int,
    ledger: str,
    task: int,
    round_: int,
    validator: str,
    votes: bytes,
    held: int,
    evidence: bytes,
    salt: bytes,
) -> bytes:
    """Return the 32-byte digest a validator commits to: its packed votes, its bitmap of held artifacts, the root of its
    own fingerprints and its salt."""
    types = ["bytes32", "uint256", "uint32", "address", "bytes32", "uint256", "bytes32", "bytes32"]
    values = [_ATTESTATION, task, round_, to_canonical_address(validator), keccak(votes), held, evidence, salt]
    return keccak(b"\x19\x01" + domain_separator(chain_id, ledger) + keccak(encode(types, values)))


def kept(commitment: bytes) -> int:
    """Return what the ledger stores of a commitment: its top 238 bits, as a number."""
    return int.from_bytes(commitment, "big") >> (256 - _KEPT_BITS)


def mark(kind: int, salt: bytes, leaf: int, check: int) -> bytes:
    """Return a submission's 32-byte mark: keccak(abi.encode(uint8 kind, bytes32 salt, uint32 leaf, uint8 check))."""
    return keccak(encode(["uint8", "bytes32", "uint32", "uint8"], [kind, salt, leaf, check]))
