"""What a rollout file says of its origin, in the key-value metadata of its schema, and the trainer's signature.

The binding is the manifest's without its roots. Doesn't judge whether it is the right one: verify compares it with the
manifest, and so with the chain. A file without a signature is bound by the transaction that names its artifact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import rfc8785

from assay.artifact import strict
from assay.artifact.manifest import Binding
from assay.artifact.strict import refuse
from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.protocol.signature import recover
from assay.protocol.typed_data import rollouts_digest
from assay.types import Reason

FORMAT: Final = b"1"
KEYS: Final = ("assay.format", "assay.binding", "assay.prompt_proofs", "assay.signature")
"""The last may be missing."""
FORMAT_KEY, BINDING_KEY, PROOFS_KEY, SIGNATURE_KEY = KEYS
NUMBERS: Final = ("protocol", "chain_id", "task", "round", "n", "base", "first_group", "groups", "units", "profile")
ADDRESSES: Final = ("ledger", "trainer")
_BINDING_BYTES = 1 << 12
_HEX65 = re.compile(rb"0x[0-9a-f]{130}")


@dataclass(frozen=True, slots=True)
class Origin:
    """The manifest's binding without its roots, and r ‖ s ‖ v of who made the rollouts, or b""."""

    binding: dict[str, int | str]
    signature: bytes = b""

    def digest(self, root: bytes) -> bytes:
        """Return the 32 bytes (EIP-712) that a trainer signs for rollouts with this Merkle root."""
        chain_id, task, round_ = (int(self.binding[name]) for name in ("chain_id", "task", "round"))
        ledger, trainer = (str(self.binding[name]) for name in ("ledger", "trainer"))
        return rollouts_digest(chain_id, ledger, task, round_, trainer, keccak(rfc8785.dumps(self.binding)), root)

    def check_signature(self, root: bytes) -> None:
        """Raise Refused, BINDING, unless the trainer signed rollouts with this root, or nobody did."""
        if not self.signature:
            return
        if recover(self.digest(root), self.signature, "the rollouts' signature") != self.binding["trainer"]:
            raise Refused("the rollouts aren't signed by the trainer that their file names", Reason.BINDING)

    def metadata(self, prompt_proofs: bytes) -> dict[str, bytes]:
        """Return the key-value metadata of a file; `prompt_proofs` as base64."""
        found = {FORMAT_KEY: FORMAT, BINDING_KEY: rfc8785.dumps(self.binding), PROOFS_KEY: prompt_proofs}
        return found | ({SIGNATURE_KEY: b"0x" + self.signature.hex().encode()} if self.signature else {})


def origin_of(binding: Binding, signature: bytes = b"") -> Origin:
    """Return what the rollout file of a submission says of its origin."""
    return Origin({name: getattr(binding, name) for name in (*NUMBERS, *ADDRESSES)}, signature)


def parse(metadata: dict[str, bytes]) -> Origin:
    """Read a stranger's metadata; Refused unless it has exactly our keys, each in its one spelling."""
    if odd := sorted((metadata.keys() - {SIGNATURE_KEY}) ^ set(KEYS[:3])):
        refuse(f"the file's metadata {'lacks' if odd[0] in KEYS else 'has an unknown'} {odd[0][:40]}")
    if metadata[FORMAT_KEY] != FORMAT:
        refuse(f"{FORMAT_KEY} must be {FORMAT.decode()}")
    text, signature = metadata[BINDING_KEY], metadata.get(SIGNATURE_KEY)
    found = strict.fields(strict.load(text, _BINDING_BYTES, BINDING_KEY), (*NUMBERS, *ADDRESSES), BINDING_KEY)
    binding: dict[str, int | str] = {name: strict.integer(found[name], f"{BINDING_KEY} {name}") for name in NUMBERS}
    binding |= {name: strict.address(found[name], f"{BINDING_KEY} {name}") for name in ADDRESSES}
    if rfc8785.dumps(binding) != text:
        refuse(f"{BINDING_KEY} isn't canonical JSON")
    if signature is None:
        return Origin(binding)
    if not _HEX65.fullmatch(signature):
        refuse(f"{SIGNATURE_KEY} isn't 65 bytes of lower-case hex")
    return Origin(binding, bytes.fromhex(signature[2:].decode()))
