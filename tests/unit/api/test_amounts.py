from __future__ import annotations

import pytest

from assay.api.amounts import formatted, short

ASY = 10**18


@pytest.mark.parametrize(
    ("wei", "shown"),
    [
        (0, "0.00"),
        (2 * ASY, "2.00"),
        (1_234 * ASY + ASY // 2, "1,234.50"),
        (ASY - 1, "0.99"),
        (ASY * 45 // 10_000, "0.0045"),
        (1, "0.000000000000000001"),
        (123 * 10**9, "0.00000012"),
        (-3 * ASY, "-3.00"),
    ],
)
def test_formatted__any_amount__rounded_down_and_never_a_false_zero(wei: int, shown: str) -> None:
    assert formatted(wei) == shown


def test_short__whole_tokens__no_decimals() -> None:
    assert (short(1_000 * ASY), short(ASY // 2)) == ("1,000", "0.50")
