// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Draw} from "./Draw.sol";
import {TypedData} from "./TypedData.sol";

/// @dev A case's jury: who sits on it, and what a juror signs.
library Jury {
    uint256 internal constant SEATS = 9;
    /// @dev Seats that a ruling needs.
    uint256 internal constant QUORUM = 6;
    bytes32 internal constant DOMAIN = keccak256("assay.jury");
    bytes32 internal constant BALLOT_TYPE = keccak256("Ballot(uint256 id,address juror,uint8 vote,bytes32 evidence,bytes32 salt)");

    /// @return the first 16 bytes of a hash that binds chain, contract, case and the beacon's word
    function seed(uint256 id, bytes32 word) internal view returns (bytes16) {
        return bytes16(keccak256(abi.encode(DOMAIN, block.chainid, address(this), id, word)));
    }

    /// @dev The seats that fall on the stretch [lo, hi) of a line, as a mask and as their number.
    function seatsIn(bytes16 seed_, uint256 line, uint256 lo, uint256 hi) internal pure returns (uint16 mask, uint256 count) {
        for (uint256 seat; seat < SEATS; ++seat) {
            uint256 point = Draw.seatPoint(seed_, 0, seat, line);
            if (point < lo || point >= hi) continue;
            mask |= uint16(1 << seat);
            ++count;
        }
    }

    function ballot(uint256 id, address juror, uint8 vote, bytes32 evidence, bytes32 salt) internal view returns (bytes32) {
        bytes32 body = keccak256(abi.encode(BALLOT_TYPE, id, juror, vote, evidence, salt));
        return keccak256(abi.encodePacked(hex"1901", TypedData.domain(), body));
    }
}
