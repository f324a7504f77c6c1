// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waiting} from "../../contracts/libraries/Waiting.sol";
import {Test} from "forge-std/Test.sol";

/// @dev Rounds that wait, against a list of them.
contract WaitingTest is Test {
    Waiting internal waits;
    uint256[] internal listed;

    function plainly(uint256 from, uint256 until) internal view returns (bool) {
        for (uint256 i; i < listed.length; ++i) {
            if (listed[i] >= from && listed[i] < until) return true;
        }
        return false;
    }

    function testFuzz_concerns__adds_and_removes__agrees_with_a_list(uint16[12] memory rounds, uint16 from, uint32 until, uint8 gone)
        public
    {
        for (uint256 i; i < rounds.length; ++i) {
            uint256 round = i % 2 == 0 ? rounds[i] : uint256(rounds[i]) % 600; // near ones too
            waits.add(round);
            listed.push(round);
        }
        for (uint256 i; i < gone % 12; ++i) {
            waits.remove(listed[listed.length - 1]);
            listed.pop();
        }
        assertEq(waits.count, listed.length, "count");
        assertEq(waits.concerns(from, until), plainly(from, until), "range");
        assertEq(waits.concerns(uint256(from) % 600, until % 700), plainly(uint256(from) % 600, until % 700), "near range");
        assertEq(waits.concerns(from, uint256(from) + 1), plainly(from, uint256(from) + 1), "one round");
    }

    function test_concerns__two_in_a_round__until_both_are_gone() public {
        waits.add(300);
        waits.add(300);
        waits.remove(300);
        assertTrue(waits.concerns(300, 301), "one left");
        waits.remove(300);
        assertFalse(waits.concerns(0, type(uint32).max), "none left");
    }

    function test_concerns__edges__half_open() public {
        waits.add(511);
        assertFalse(waits.concerns(0, 511), "until is outside");
        assertTrue(waits.concerns(511, 512), "from is inside");
        assertFalse(waits.concerns(512, type(uint32).max), "later");
        assertFalse(waits.concerns(511, 511), "nothing");
    }
}
