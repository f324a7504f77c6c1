"""The digests that bind words to one chain, one contract and one signer (EIP-712), and the mark of a submission.

Knows nothing of keys. Doesn't hide a vote from whoever can guess its salt: salts must be secret and fresh per round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address

from assay.protocol.hashing import keccak

ASSAY, GATEWAY, INVITES, SWARM = "Assay", "Assay Gateway", "Assay Invites", "Assay Swarm"
"""The domains' names: of the round ledger and the dispute court, of the gateway, of the invites, and of what nodes sign
for one another, with the ledger as the contract. All version 1."""

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_ATTESTATION = keccak(
    b"Attestation(uint256 task,uint32 round,address validator,bytes votes,uint256 held,bytes32 evidence,bytes32 salt)"
)
_BALLOT = keccak(b"Ballot(uint256 id,address juror,uint8 vote,bytes32 evidence,bytes32 salt)")
_CALL = b"Call(address target,bytes data)"
_REQUEST = keccak(b"Request(address account,uint256 nonce,uint256 deadline,Call[] calls)" + _CALL)
_INVITE = keccak(b"Invite(uint256 task,address account,uint256 nonce,uint256 expiry)")
_PERMIT = keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
_ROLLOUTS = keccak(b"Rollouts(uint256 task,uint32 round,address trainer,bytes32 binding,bytes32 root)")
_NODE = keccak(b"Node(address account,string uri,uint64 sequence,uint64 expires)")
_RELEASE = keccak(
    b"Release(uint256 task,uint32 version,bytes32 root,bytes32 artifact,bytes32 base,string codec,uint64 size,"
    b"uint64 expires,address seeder)"
)
_RECEIPT = keccak(b"Receipt(address server,address receiver,bytes32 artifact,uint64 total,uint64 sequence)")
_KEPT_BITS = 236


def domain_separator(chain_id: int, contract: str, name: str = ASSAY, version: str = "1") -> bytes:
    """Return the 32-byte EIP-712 domain separator of a contract."""
    types = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    values = [_DOMAIN, keccak(name.encode()), keccak(version.encode()), chain_id, to_canonical_address(contract)]
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
    types = ["uint256", "uint32", "address", "bytes32", "uint256", "bytes32", "bytes32"]
    values = [task, round_, to_canonical_address(validator), keccak(votes), held, evidence, salt]
    return _digest(domain_separator(chain_id, ledger), _ATTESTATION, types, values)


def kept(commitment: bytes) -> int:
    """Return what the ledger stores of a commitment: its top 236 bits, as a number."""
    return int.from_bytes(commitment, "big") >> (256 - _KEPT_BITS)


def ballot_digest(chain_id: int, court: str, case: int, juror: str, vote: int, evidence: bytes, salt: bytes) -> bytes:
    """Return the 32-byte digest a juror commits to in a dispute; `vote` is 1 (the claim holds) or 2."""
    types = ["uint256", "address", "uint8", "bytes32", "bytes32"]
    values = [case, to_canonical_address(juror), vote, evidence, salt]
    return _digest(domain_separator(chain_id, court), _BALLOT, types, values)


def rollouts_digest(
    chain_id: int, ledger: str, task: int, round_: int, trainer: str, binding: bytes, root: bytes
) -> bytes:
    """Return the 32-byte digest a trainer may sign of its rollouts: keccak of the canonical JSON that their file is
    bound to, and their Merkle root."""
    types = ["uint256", "uint32", "address", "bytes32", "bytes32"]
    values = [task, round_, to_canonical_address(trainer), binding, root]
    return _digest(domain_separator(chain_id, ledger), _ROLLOUTS, types, values)


def request_digest(
    chain_id: int, gateway: str, account: str, nonce: int, deadline: int, calls: Iterable[tuple[str, bytes]]
) -> bytes:
    """Return the 32-byte digest an account signs so that anyone may send its calls (target, data) by `deadline`."""
    hashed = [
        keccak(encode(["bytes32", "address", "bytes32"], [keccak(_CALL), to_canonical_address(target), keccak(data)]))
        for target, data in calls
    ]
    types = ["address", "uint256", "uint256", "bytes32"]
    values = [to_canonical_address(account), nonce, deadline, keccak(b"".join(hashed))]
    return _digest(domain_separator(chain_id, gateway, GATEWAY), _REQUEST, types, values)


def invite_digest(chain_id: int, invites: str, task: int, account: str, nonce: int, expiry: int) -> bytes:
    """Return the 32-byte digest an initiator signs to admit an account to its private task."""
    types = ["uint256", "address", "uint256", "uint256"]
    values = [task, to_canonical_address(account), nonce, expiry]
    return _digest(domain_separator(chain_id, invites, INVITES), _INVITE, types, values)


def permit_digest(separator: bytes, owner: str, spender: str, value: int, nonce: int, deadline: int) -> bytes:
    """Return the 32-byte digest an owner signs to let `spender` move its tokens (ERC-2612).

    The separator is the token's own `DOMAIN_SEPARATOR`: its name and version are the token's choice.
    """
    types = ["address", "address", "uint256", "uint256", "uint256"]
    values = [to_canonical_address(owner), to_canonical_address(spender), value, nonce, deadline]
    return _digest(separator, _PERMIT, types, values)


def node_digest(chain_id: int, ledger: str, account: str, uri: str, sequence: int, expires: int) -> bytes:
    """Return the 32-byte digest an account signs to say where its node serves; "" is a node that can't be reached."""
    types = ["address", "bytes32", "uint64", "uint64"]
    values = [to_canonical_address(account), keccak(uri.encode()), sequence, expires]
    return _digest(domain_separator(chain_id, ledger, SWARM), _NODE, types, values)


def release_digest(
    chain_id: int,
    ledger: str,
    task: int,
    version: int,
    root: bytes,
    artifact: bytes,
    base: bytes,
    codec: str,
    size: int,
    expires: int,
    seeder: str,
) -> bytes:
    """Return the 32-byte digest a seeder signs to say what to fetch for a task's checkpoint of a round."""
    types = ["uint256", "uint32", "bytes32", "bytes32", "bytes32", "bytes32", "uint64", "uint64", "address"]
    words = [root, artifact, base, keccak(codec.encode()), size, expires, to_canonical_address(seeder)]
    return _digest(domain_separator(chain_id, ledger, SWARM), _RELEASE, types, [task, version, *words])


def receipt_digest(
    chain_id: int, ledger: str, server: str, receiver: str, artifact: bytes, total: int, sequence: int
) -> bytes:
    """Return the 32-byte digest a receiver signs: all bytes of an artifact that a server has brought it so far."""
    types = ["address", "address", "bytes32", "uint64", "uint64"]
    values = [to_canonical_address(server), to_canonical_address(receiver), artifact, total, sequence]
    return _digest(domain_separator(chain_id, ledger, SWARM), _RECEIPT, types, values)


def mark(kind: int, salt: bytes, leaf: int, check: int) -> bytes:
    """Return a submission's 32-byte mark: keccak(abi.encode(uint8 kind, bytes32 salt, uint32 leaf, uint8 check))."""
    return keccak(encode(["uint8", "bytes32", "uint32", "uint8"], [kind, salt, leaf, check]))


def _digest(separator: bytes, type_hash: bytes, types: Sequence[str], values: Sequence[Any]) -> bytes:
    return keccak(b"\x19\x01" + separator + keccak(encode(["bytes32", *types], [type_hash, *values])))
