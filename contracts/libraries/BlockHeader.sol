// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "../interfaces/IBeacon.sol";
import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";

/// @dev Reads what the beacon needs from an execution block's RLP header. Every prefix before the field read last is checked, every
/// integer must be canonical, every read stays inside the bytes. Fields after the nonce differ between forks and aren't looked at.
///
/// The first fields have fixed sizes: list prefix 3, parent hash at 3, ommers 36, beneficiary 69, state root 90, transactions 123,
/// receipts 156, bloom 189 to 448; then come the integers.
library BlockHeader {
    uint256 private constant INTEGERS_AT = 448;

    struct Fields {
        bytes32 parentHash;
        uint256 number;
        uint256 timestamp;
        bytes32 prevRandao;
    }

    /// @dev The header of the first block at or after `time`, proved by its parent's header and the chain's own hash.
    function firstAt(bytes calldata header, bytes calldata parent, uint256 time) internal view returns (Fields memory f) {
        f = parse(header);
        Fields memory p = parse(parent);
        require(keccak256(parent) == f.parentHash, IBeacon.WrongProof("parent"));
        require(f.timestamp >= time && p.timestamp < time, IBeacon.WrongProof("time"));
        bytes32 hash = Blockhash.blockHash(f.number);
        require(hash != 0 && hash == keccak256(header), IBeacon.WrongProof("hash"));
        // a chain without a beacon of its own repeats one value, or none
        require(f.prevRandao != 0 && f.prevRandao != p.prevRandao, IBeacon.WrongProof("prevrandao"));
    }

    function parse(bytes calldata h) internal pure returns (Fields memory f) {
        _check(h.length > INTEGERS_AT && h.length < 1 << 16);
        // 0xf9 and the length of what follows, parent hash, ommers; beneficiary; three roots; bloom
        _check(_word(h, 0) >> 232 == 0xf90000 | (h.length - 3));
        _check(_byte(h, 3) == 0xa0 && _byte(h, 36) == 0xa0 && _byte(h, 69) == 0x94 && _byte(h, 90) == 0xa0);
        _check(_byte(h, 123) == 0xa0 && _byte(h, 156) == 0xa0 && _word(h, 189) >> 232 == 0xb90100);
        f.parentHash = bytes32(_word(h, 4));

        uint256 pos = INTEGERS_AT;
        for (uint256 k; k < 5; ++k) {
            // difficulty, number, gas limit, gas used, timestamp
            uint256 value;
            (value, pos) = _integer(h, pos);
            if (k == 1) f.number = value;
            if (k == 4) f.timestamp = value;
        }
        pos = _skip(h, pos); // extra data
        _check(pos + 33 <= h.length && _byte(h, pos) == 0xa0);
        f.prevRandao = bytes32(_word(h, pos + 1));
    }

    function _integer(bytes calldata h, uint256 pos) private pure returns (uint256 value, uint256 next) {
        _check(pos + 1 < h.length);
        uint256 prefix = _byte(h, pos);
        if (prefix < 0x80) {
            _check(prefix != 0);
            return (prefix, pos + 1);
        }
        uint256 size = prefix - 0x80;
        next = pos + 1 + size;
        _check(size <= 32 && next <= h.length);
        if (size == 0) return (0, next);
        value = _word(h, pos + 1) >> (8 * (32 - size));
        _check(_byte(h, pos + 1) != 0 && value >= 0x80);
    }

    /// @dev Past a string of at most 255 bytes.
    function _skip(bytes calldata h, uint256 pos) private pure returns (uint256) {
        _check(pos + 1 < h.length);
        uint256 prefix = _byte(h, pos);
        if (prefix < 0x80) return pos + 1;
        if (prefix < 0xb8) return pos + 1 + (prefix - 0x80);
        _check(prefix == 0xb8 && _byte(h, pos + 1) > 55);
        return pos + 2 + _byte(h, pos + 1);
    }

    /// @dev Unchecked: whoever uses bits of it has compared their place with the length.
    function _word(bytes calldata h, uint256 pos) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(h.offset, pos))
        }
    }

    function _byte(bytes calldata h, uint256 pos) private pure returns (uint256) {
        return _word(h, pos) >> 248;
    }

    function _check(bool good) private pure {
        require(good, IBeacon.WrongProof("rlp"));
    }
}
