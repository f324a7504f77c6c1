"""Who signed a digest: 65 bytes r ‖ s ‖ v to the address of the key.

A signature has one spelling, so that nobody can make a second one of a stranger's. Knows nothing of what was signed,
and no secret. Takes some milliseconds: limit what strangers may ask for.
"""

from __future__ import annotations

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from assay.errors import Refused
from assay.types import Reason

SIGNATURE_BYTES = 65
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def recover(digest: bytes, signature: bytes, what: str) -> str:
    """Return who signed `digest`, in lower case. v is 27 or 28 and s in the lower half.

    Raises:
        Refused: BINDING: "`what` is malformed".
    """
    try:
        if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
            raise ValidationError("v")
        found = Signature(signature[:64] + bytes([signature[64] - 27]))
        if found.s > _HALF_ORDER:
            raise ValidationError("s")
        return str(found.recover_public_key_from_msg_hash(digest).to_address())
    except (BadSignature, ValidationError) as error:
        raise Refused(f"{what} is malformed", Reason.BINDING) from error
