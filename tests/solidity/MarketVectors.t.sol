// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {Economics} from "../../contracts/libraries/Economics.sol";
import {MarketKit} from "./MarketKit.sol";

/// @dev What Python would publish, the market publishes; what Python refuses, it refuses by the error and the numbers that Python names.
contract MarketVectorsTest is MarketKit {
    string internal json;
    string internal item;

    function load(string memory name) internal {
        json = vm.readFile(string.concat("tests/vectors/", name, ".json"));
    }

    /// @dev Selects `list[i]`; false past the end. At least one item must be there.
    function select(string memory list, uint256 i) internal returns (bool) {
        item = string.concat(".", list, "[", vm.toString(i), "]");
        bool exists = vm.keyExistsJson(json, item);
        assertTrue(exists || i > 0, "the list is empty");
        return exists;
    }

    function num(string memory name) internal view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(item, ".", name));
    }

    function flag(string memory name) internal view returns (bool) {
        return vm.parseJsonBool(json, string.concat(item, ".", name));
    }

    function text(string memory name) internal view returns (string memory) {
        return vm.parseJsonString(json, string.concat(item, ".", name));
    }

    function word(string memory name) internal view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(item, ".", name));
    }

    function frozen() internal view returns (Terms memory t) {
        (t.specHash, t.genesis, t.isPrivate) = (word("specHash"), word("genesis"), flag("isPrivate"));
        (t.rounds, t.period, t.work) = (uint16(num("rounds")), uint16(num("period")), uint16(num("work")));
        (t.sealDelay, t.commitWindow, t.revealWindow) = (uint8(num("sealDelay")), uint16(num("commitWindow")), uint16(num("revealWindow")));
        (t.extraWindow, t.attestTime) = (uint16(num("extraWindow")), uint16(num("attestTime")));
        (t.challengeWindow, t.lead, t.seats) = (uint24(num("challengeWindow")), uint16(num("lead")), uint8(num("seats")));
        (t.staleness, t.minTrainers, t.maxUnits) = (uint8(num("staleness")), uint8(num("minTrainers")), uint32(num("maxUnits")));
        (t.minStake, t.bond, t.price, t.pot) = (num("minStake"), num("bond"), num("price"), num("pot"));
        (t.seatFee, t.attestFee, t.cut, t.canaryFee) = (num("seatFee"), num("attestFee"), num("cut"), num("canaryFee"));
        (t.canaryRate, t.power) = (uint16(num("canaryRate")), uint16(num("power")));
    }

    function test_vectors__specs_that_python_accepts__are_published() public {
        redeploy(8 weeks);
        load("spec");
        for (uint256 i; select("valid", i); ++i) {
            terms = frozen();
            assertEq(terms.specHash, word("hash"), item);
            publish();
        }
    }

    function test_vectors__specs_that_python_refuses__are_refused_by_name_and_numbers() public {
        redeploy(8 weeks);
        load("spec");
        for (uint256 i; select("refused", i); ++i) {
            terms = frozen();
            string memory error = text("error");
            if (keccak256(bytes(error)) == keccak256("BadTerms")) {
                refuses(bad(text("what")));
            } else {
                refuses(error2(bytes4(keccak256(bytes(string.concat(error, "(uint256,uint256)")))), num("have"), num("needed")));
            }
        }
    }

    function test_vectors__chances() public {
        load("economics");
        for (uint256 i; select("chances", i); ++i) {
            (uint256 ways, uint256 all) = Economics.quorumChance(num("seats"));
            assertEq(ways, num("ways"), item);
            assertEq(all, num("all"), item);
        }
    }

    function test_vectors__bonds() public {
        load("economics");
        for (uint256 i; select("bonds", i); ++i) {
            (uint256 seats, bool extra, uint256 power, uint256 pay) = (num("seats"), flag("extra"), num("power"), num("pay"));
            (uint256 caught, uint256 whole) = Economics.detection(seats, extra, power);
            assertEq(caught, num("caught"), item);
            assertEq(whole, num("whole"), item);
            assertEq(Economics.leastPower(seats, extra, pay), num("leastPower"), item);
            assertEq(Economics.leastBond(seats, extra, power, pay), num("leastBond"), item);
        }
    }
}
