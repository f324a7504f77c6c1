"""From hidden states to the bits that TOPLOC proofs are made of.

`bf16`: the pattern of the value rounded to bfloat16, as the `toploc` library has it. `float32`: all bits, of which a
proof carries mantissa bits 22..8: they see weights moved by one part in a million where both sides compute in float32.
Knows no proof.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused

PROFILES: Final = ("float32", "bf16")


def bits(hidden: torch.Tensor | NDArray[np.float32], patterns: str) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """Return the bits of float32 hidden states, same shape: uint16 for bf16, uint32 for float32.

    Refused if the kind of patterns is unknown.
    """
    states = torch.as_tensor(hidden).detach().to(torch.float32).contiguous()
    if patterns == "float32":
        return states.numpy().view(np.uint32)
    if patterns == "bf16":
        return states.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    raise Refused(f"unknown patterns {patterns!r}; known: {', '.join(PROFILES)}")
