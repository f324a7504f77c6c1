"""The digests and their one spelling."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from assay.protocol.hashing import hex32, keccak, sha256, unhex32

EMPTY_KECCAK = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_keccak__empty__is_ethereums() -> None:
    assert hex32(keccak(b"")) == EMPTY_KECCAK


def test_sha256__abc__is_the_standards_example() -> None:
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_unhex32__what_hex32_wrote__comes_back() -> None:
    assert unhex32(hex32(keccak(b"x"))) == keccak(b"x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        EMPTY_KECCAK[2:],
        EMPTY_KECCAK.upper(),
        EMPTY_KECCAK[:-1],
        EMPTY_KECCAK + "\n",
        EMPTY_KECCAK[:-1] + "G",
        5,
    ],
)
def test_unhex32__any_other_spelling__is_refused(text: str) -> None:
    with pytest.raises(Refused):
        unhex32(text)


def test_hex32__31_bytes__is_refused() -> None:
    with pytest.raises(Refused, match="31"):
        hex32(b"\0" * 31)
