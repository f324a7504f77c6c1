// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

contract FinalizeTest is Base {
    function setUp() public override {
        super.setUp();
        start();
    }

    function test_finalize__all_valid__pays_and_frees() public {
        play(1, VALID);
        assertEq(claimable(trainers[0]), 10 ether, "trainer's pay");
        assertEq(exposed(trainers[0]), 0, "exposure");
    }
}
