// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Penalty, Settlement} from "../interfaces/ITally.sol";
import {Aside} from "../interfaces/RoundLedgerTypes.sol";

/// @dev A settlement that is being written: arrays with room for all that may come, and how much of each is used.
/// @param due wei that the round asks of its pot, @param pot its ceiling
struct Sheet {
    Settlement out;
    uint256 credits;
    uint256 payments;
    uint256 slashes;
    uint256 cuts;
    uint256 asides;
    uint256 due;
    uint256 pot;
}

using Sheets for Sheet global;

library Sheets {
    uint256 internal constant TRAINER = 1;
    uint256 internal constant VALIDATOR = 2;
    uint256 private constant PAYMENT = 36;

    /// @param lines most accounts that are credited, @param slashes, @param cuts, @param asides most of each
    function open(uint256 lines, uint256 slashes, uint256 cuts, uint256 asides) internal pure returns (Sheet memory s) {
        s.out.credits = new uint256[](lines);
        s.out.payments = new bytes(lines * PAYMENT + 32); // a payment is written as two words
        s.out.slashes = new Penalty[](slashes);
        s.out.cuts = new Penalty[](cuts);
        s.out.asides = new Aside[](asides);
    }

    /// @dev Shortens the arrays to what was used.
    function close(Sheet memory s) internal pure returns (Settlement memory out) {
        out = s.out;
        _resize(out.credits, s.credits);
        (bytes memory payments, Penalty[] memory slashes, Penalty[] memory cuts, Aside[] memory asides) =
            (out.payments, out.slashes, out.cuts, out.asides);
        uint256[4] memory sizes = [s.payments * PAYMENT, s.slashes, s.cuts, s.asides];
        assembly ("memory-safe") {
            mstore(payments, mload(sizes))
            mstore(slashes, mload(add(sizes, 0x20)))
            mstore(cuts, mload(add(sizes, 0x40)))
            mstore(asides, mload(add(sizes, 0x60)))
        }
    }

    /// @dev Credits an account without telling why: rewards, whose events name them.
    function credit(Sheet memory s, address account, uint256 amount) internal pure {
        if (amount == 0) return;
        _put(s, uint256(uint160(account)) << 96 | amount);
    }

    /// @dev Credits an account and writes its payment; a validator's also when it is nothing, so that it can see why.
    /// Unchecked: amounts are below 2^88, seats below 2^16, and there is room for as many payments as credits.
    function pay(Sheet memory s, address account, uint256 role, uint256 seats, uint256 agreed, uint256 amount) internal pure {
        uint256 word = uint256(uint160(account)) << 96;
        if (amount != 0) _put(s, word | amount);
        bytes memory payments = s.out.payments;
        unchecked {
            uint256 at = s.payments++ * PAYMENT;
            word |= role << 88 | seats << 72 | agreed << 56 | amount >> 32;
            assembly ("memory-safe") {
                let to := add(add(payments, 0x20), at)
                mstore(to, word)
                mstore(add(to, 0x20), shl(224, amount))
            }
        }
    }

    function _put(Sheet memory s, uint256 word) private pure {
        uint256[] memory credits = s.out.credits;
        unchecked {
            credits[s.credits++] = word;
        }
    }

    function slash(Sheet memory s, address trainer, uint256 index, uint256 burned, uint256 paid) internal pure {
        s.out.slashes[s.slashes++] = Penalty(trainer, uint16(index), 0, uint96(burned), uint96(paid));
    }

    /// @dev Cuts a validator, half burned. @return paid the other half
    function cut(Sheet memory s, address validator, uint256 index, uint8 reason, uint256 amount) internal pure returns (uint256 paid) {
        if (amount == 0) return 0;
        paid = amount / 2;
        s.out.cuts[s.cuts++] = Penalty(validator, uint16(index), reason, uint96(amount - paid), uint96(paid));
    }

    /// @dev Burns what was to be paid out of the last cuts, when nobody takes it.
    function burn(Sheet memory s, uint256 amount) internal pure {
        for (uint256 k = s.cuts; amount != 0; --k) {
            Penalty memory p = s.out.cuts[k - 1];
            uint96 part = amount < p.paid ? uint96(amount) : p.paid;
            p.paid -= part;
            p.burned += part;
            amount -= part;
        }
    }

    /// @dev What the pot has for `amount`: all of it, or its share rounded down.
    function shareOf(Sheet memory s, uint256 amount) internal pure returns (uint256) {
        return s.due <= s.pot ? amount : amount * s.pot / s.due;
    }

    /// @dev The share, taken from the escrow.
    function fromEscrow(Sheet memory s, uint256 amount) internal pure returns (uint256 part) {
        part = shareOf(s, amount);
        s.out.fromEscrow += part;
    }

    function _resize(uint256[] memory list, uint256 size) private pure {
        assembly ("memory-safe") {
            mstore(list, size)
        }
    }
}
