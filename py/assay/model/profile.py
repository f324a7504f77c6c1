"""From hidden states to the 16-bit patterns that TOPLOC proofs are made of.

`bf16`: the bit pattern of the value rounded to bfloat16, as the `toploc` library has it. `float32`: mantissa bits
22..8 (15 bits), which sees weights moved by one part in a million where both sides compute in float32. Those bits
carry no magnitude, so `ranks` says which states are the largest. Knows no proof.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused

PROFILES: Final = ("float32", "bf16")


def patterns(hidden: torch.Tensor | NDArray[np.float32], profile: str) -> NDArray[np.uint16]:
    """Return the 16-bit patterns of float32 hidden states, same shape. Refused if the profile is unknown.

    Source of the float32 profile: research/mlreview.md section 1.1 (bits 22..8, below the proof's modulus 65497).
    """
    states = torch.as_tensor(hidden).detach().to(torch.float32).contiguous()
    if profile == "float32":
        bits = states.numpy().view(np.uint32)
        return ((bits >> np.uint32(8)) & np.uint32(0x7FFF)).astype(np.uint16)
    if profile == "bf16":
        return states.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    raise Refused(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")


def ranks(hidden: torch.Tensor | NDArray[np.float32], profile: str) -> NDArray[np.uint32]:
    """Return the magnitudes that choose a proof's top-k, as float32 bits without the sign, same shape.

    In the bf16 profile they are those of the rounded value. Refused if the profile is unknown.
    """
    states = torch.as_tensor(hidden).detach().to(torch.float32).contiguous()
    if profile not in PROFILES:
        raise Refused(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")
    if profile == "bf16":
        states = states.to(torch.bfloat16).to(torch.float32)
    return states.numpy().view(np.uint32) & np.uint32(0x7FFF_FFFF)
