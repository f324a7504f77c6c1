// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault} from "../interfaces/IStakeVault.sol";

/// @dev What a round changes, one line per account. Lines are found by account through transient storage, under keys that name task and
/// round, so that nothing has to be cleared.
/// @param counts per line: paid submissions 16 | submissions 16
struct Book {
    IStakeVault.Settlement[] lines;
    uint256[] counts;
    uint256 size;
    uint256 key;
}

library Books {
    /// @dev Apart from the lines: who was seen already.
    uint256 private constant SEEN = 1 << 255;

    function open(uint256 task, uint256 round, uint256 most) internal pure returns (Book memory b) {
        b.lines = new IStakeVault.Settlement[](most);
        b.counts = new uint256[](most);
        b.key = (task << 176) | (round << 160);
    }

    /// @dev The account's line; a new one when it has none.
    function find(Book memory b, address account) internal returns (uint256 k) {
        uint256 key = b.key | uint160(account);
        assembly ("memory-safe") {
            k := tload(key)
        }
        if (k != 0) return k - 1;
        k = b.size;
        b.lines[k].account = account;
        uint256 size = k + 1;
        b.size = size;
        assembly ("memory-safe") {
            tstore(key, size)
        }
    }

    /// @dev Counts a submission on its trainer's line.
    function submitted(Book memory b, address trainer, bool paid) internal returns (IStakeVault.Settlement memory line) {
        uint256 k = find(b, trainer);
        unchecked {
            b.counts[k] += paid ? 1 << 16 | 1 : 1 << 16;
        }
        return b.lines[k];
    }

    /// @return all submissions of the line's account, @return paid those of them that are paid
    function counted(Book memory b, uint256 k) internal pure returns (uint256 all, uint256 paid) {
        return (b.counts[k] >> 16, b.counts[k] & 0xffff);
    }

    /// @dev True the first time that it is asked for an account.
    function first(Book memory b, address account) internal returns (bool isFirst) {
        uint256 key = SEEN | b.key | uint160(account);
        assembly ("memory-safe") {
            isFirst := iszero(tload(key))
            tstore(key, 1)
        }
    }

    /// @dev The lines that were used.
    function close(Book memory b) internal pure returns (IStakeVault.Settlement[] memory lines) {
        lines = b.lines;
        uint256 size = b.size;
        assembly ("memory-safe") {
            mstore(lines, size)
        }
    }
}

library Pay {
    /// @dev What is paid of `amount` when `due` is asked of a pot: all of it, or its share rounded down.
    function share(uint256 amount, uint256 due, uint256 pot) internal pure returns (uint256) {
        return due <= pot ? amount : amount * pot / due;
    }
}
