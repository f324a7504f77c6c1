// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Whether cheating can pay, in whole numbers. With P the chance that a third of the stake fills a quorum of a submission's seats
/// (1 − (1 − P)² where a second draw follows), q = power / 10,000 · (1 − P) and R the largest pay: q · bond / 2 ≥ (1 − q) · R.
/// Then a submission of any cost C that is faked loses: if R ≥ C, q · (bond / 2 + R) ≥ R ≥ C, and if R < C nobody works.
/// Nothing overflows: powers of 3 have at most 51 bits, `whole` 65 bits, pay 96, a bond 94.
library Economics {
    uint256 internal constant PARTS = 10_000;
    /// @dev The largest bond that a task's words hold.
    uint256 internal constant MAX_BOND = uint256(type(uint64).max) * 1 gwei;

    /// @param seats 1 to 16
    /// @return ways and all: P = ways / all, the chance that ⌈2·seats/3⌉ of the seats fall to a third of the stake
    function quorumChance(uint256 seats) internal pure returns (uint256 ways, uint256 all) {
        all = 3 ** seats;
        uint256 quorum = (2 * seats + 2) / 3;
        uint256 term = 1; // C(seats, k) · 2^(seats − k), here for k = seats
        for (uint256 k = seats; k >= quorum; --k) {
            ways += term;
            term = term * 2 * k / (seats - k + 1); // exact: it is the next term
        }
    }

    /// @param power per 10,000, at most all of them
    /// @return caught and whole: q = caught / whole
    function detection(uint256 seats, bool hasExtraDraw, uint256 power) internal pure returns (uint256 caught, uint256 whole) {
        (uint256 ways, uint256 all) = quorumChance(seats);
        uint256 missed = all - ways;
        if (hasExtraDraw) (missed, all) = (missed * missed, all * all);
        return (power * missed, PARTS * all);
    }

    /// @dev The smallest power, per 10,000, with which any bond deters; more than 10,000 where none does. At least 1: what never finds a
    /// fault deters nobody.
    /// @param pay wei of the largest claim
    function leastPower(uint256 seats, bool hasExtraDraw, uint256 pay) internal pure returns (uint256 power) {
        (uint256 perPart, uint256 whole) = detection(seats, hasExtraDraw, 1);
        power = ceilDiv(2 * whole * pay, perPart * (MAX_BOND + 2 * pay));
        if (power == 0) power = 1;
    }

    /// @dev The smallest bond in wei, a multiple of 1 gwei, that makes cheating a loss; `power` is at least `leastPower`.
    function leastBond(uint256 seats, bool hasExtraDraw, uint256 power, uint256 pay) internal pure returns (uint256) {
        (uint256 caught, uint256 whole) = detection(seats, hasExtraDraw, power);
        return inGwei(ceilDiv(2 * (whole - caught) * pay, caught));
    }

    /// @dev Rounded up to a multiple of 1 gwei.
    function inGwei(uint256 amount) internal pure returns (uint256) {
        return ceilDiv(amount, 1 gwei) * 1 gwei;
    }

    function ceilDiv(uint256 a, uint256 b) internal pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }
}
