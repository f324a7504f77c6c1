// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GatewayCall, IGateway} from "../../contracts/interfaces/IGateway.sol";
import {IInvites} from "../../contracts/interfaces/IInvites.sol";
import {Settlement} from "../../contracts/interfaces/ITally.sol";
import {BlockHeader} from "../../contracts/libraries/BlockHeader.sol";
import {Clock, Clocks} from "../../contracts/libraries/Clock.sol";
import {Rules} from "./Rules.sol";
import {Test} from "forge-std/Test.sol";

/// @dev The rules that Python has too, on the vectors that Python wrote.
contract VectorsTest is Test {
    Rules internal rules;
    string internal json;
    string internal item;

    function load(string memory name) internal {
        json = vm.readFile(string.concat("tests/vectors/", name, ".json"));
        rules = new Rules();
    }

    /// @dev Selects `list[i]`; false past the end. At least one item must be there.
    function select(string memory list, uint256 i) internal returns (bool) {
        item = string.concat(".", list, "[", vm.toString(i), "]");
        bool exists = vm.keyExistsJson(json, item);
        assertTrue(exists || i > 0, "the list is empty");
        return exists;
    }

    function key(string memory name) internal view returns (string memory) {
        return string.concat(item, ".", name);
    }

    function num(string memory name) internal view returns (uint256) {
        return vm.parseJsonUint(json, key(name));
    }

    function nums(string memory name) internal view returns (uint256[] memory) {
        return vm.parseJsonUintArray(json, key(name));
    }

    function raw(string memory name) internal view returns (bytes memory) {
        return vm.parseJsonBytes(json, key(name));
    }

    function raws(string memory name) internal view returns (bytes[] memory) {
        return vm.parseJsonBytesArray(json, key(name));
    }

    function word(string memory name) internal view returns (bytes32) {
        return vm.parseJsonBytes32(json, key(name));
    }

    function addr(string memory name) internal view returns (address) {
        return vm.parseJsonAddress(json, key(name));
    }

    function addrs(string memory name) internal view returns (address[] memory) {
        return vm.parseJsonAddressArray(json, key(name));
    }

    /// @dev The rules at the ledger address and on the chain that the item names.
    function placed() internal returns (Rules there) {
        there = Rules(addr("ledger"));
        vm.etch(address(there), address(rules).code);
        vm.chainId(num("chainId"));
    }

    /// @dev A contract's code at the address and on the chain that the item names.
    function moved(address from) internal returns (address there) {
        there = addr("ledger");
        vm.etch(there, from.code);
        vm.chainId(num("chainId"));
    }

    // --- sortition

    function test_vectors__audit_seeds() public {
        load("sortition");
        for (uint256 i; select("seeds", i); ++i) {
            bytes16 seed = placed().auditSeed(num("task"), uint32(num("round")), word("prevrandao"));
            assertEq(abi.encodePacked(seed), raw("audit"), item);
        }
    }

    function test_vectors__jury_seeds() public {
        load("sortition");
        for (uint256 i; select("juries", i); ++i) {
            assertEq(abi.encodePacked(placed().jurySeed(num("id"), word("word"))), raw("seed"), item);
        }
    }

    function test_vectors__seat_points() public {
        load("sortition");
        for (uint256 i; select("points", i); ++i) {
            uint256 point = rules.seatPoint(bytes16(raw("seed")), num("index"), num("seat"), num("line"));
            assertEq(point, num("point"), item);
        }
    }

    function test_vectors__seats_of_lots() public {
        load("sortition");
        for (uint256 i; select("lots", i); ++i) {
            uint256[] memory drawn = nums("drawn");
            uint256 found;
            for (uint256 j; j < num("seats"); ++j) {
                uint256 point = rules.seatPoint(bytes16(raw("seed")), num("index"), j, num("line"));
                if (point < num("lo") || point >= num("hi")) continue;
                assertEq(drawn[found++], j, item);
            }
            assertEq(found, drawn.length, item);
        }
    }

    function test_vectors__quorums() public {
        load("sortition");
        for (uint256 i; select("quorums", i); ++i) {
            assertEq(rules.quorumOf(num("seats")), num("quorum"), item);
        }
    }

    // --- windows

    function test_vectors__windows() public {
        load("windows");
        for (uint256 i; select("rounds", i); ++i) {
            uint256 c = num("start") << 48 | num("period") << Clocks.PERIOD | num("work") << Clocks.WORK | num("sealDelay")
                << Clocks.SEAL_DELAY | num("commitWindow") << Clocks.COMMIT | num("revealWindow") << Clocks.REVEAL | num("challengeWindow")
                << Clocks.CHALLENGE | num("extraWindow") << Clocks.EXTRA;
            uint256[7] memory got = rules.windows(Clock.wrap(c), num("round"));
            string[7] memory names = ["opens", "workEnd", "sealAt", "commitEnd", "revealEnd", "votesEnd", "challengeEnd"];
            for (uint256 k; k < 7; ++k) {
                assertEq(got[k], num(names[k]), string.concat(item, names[k]));
            }
            (uint256[] memory times, uint256[] memory rounds) = (nums("times"), nums("rounds"));
            for (uint256 k; k < times.length; ++k) {
                vm.warp(times[k]);
                assertEq(rules.current(Clock.wrap(c)), rounds[k], string.concat(item, vm.toString(times[k])));
            }
        }
    }

    // --- typed data, headers

    function test_vectors__domains() public {
        load("typed_data");
        for (uint256 i; select("domains", i); ++i) {
            assertEq(placed().domain(), word("separator"), item);
        }
    }

    function test_vectors__attestations() public {
        load("typed_data");
        for (uint256 i; select("attestations", i); ++i) {
            bytes32 digest = placed()
                .attestation(
                    num("task"), uint32(num("round")), addr("validator"), raw("votes"), num("held"), word("evidence"), word("salt")
                );
            assertEq(digest, word("digest"), item);
        }
    }

    function test_vectors__ballots() public {
        load("typed_data");
        for (uint256 i; select("ballots", i); ++i) {
            bytes32 digest = placed().ballot(num("id"), addr("juror"), uint8(num("vote")), word("evidence"), word("salt"));
            assertEq(digest, word("digest"), item);
        }
    }

    function test_vectors__requests() public {
        load("typed_data");
        address any = address(1);
        address gateway = vm.deployCode("Gateway.sol:Gateway", abi.encode(any, any, any, any));
        for (uint256 i; select("requests", i); ++i) {
            address[] memory targets = addrs("targets");
            bytes[] memory datas = vm.parseJsonBytesArray(json, key("datas"));
            GatewayCall[] memory calls = new GatewayCall[](targets.length);
            for (uint256 k; k < calls.length; ++k) {
                calls[k] = GatewayCall(targets[k], datas[k]);
            }
            bytes32 digest = IGateway(moved(gateway)).requestDigest(addr("account"), num("nonce"), num("deadline"), calls);
            assertEq(digest, word("digest"), item);
        }
    }

    function test_vectors__invites() public {
        load("typed_data");
        address invites = vm.deployCode("Invites.sol:Invites", abi.encode(address(1)));
        for (uint256 i; select("invites", i); ++i) {
            bytes32 digest = IInvites(moved(invites)).inviteDigest(num("task"), addr("account"), num("nonce"), num("expiry"));
            assertEq(digest, word("digest"), item);
        }
    }

    function test_vectors__marks() public {
        load("typed_data");
        for (uint256 i; select("marks", i); ++i) {
            bytes32 mark = keccak256(abi.encode(uint8(num("kind")), word("salt"), uint32(num("leaf")), uint8(num("check"))));
            assertEq(mark, word("mark"), item);
        }
    }

    function test_vectors__votes() public {
        load("typed_data");
        for (uint256 i; select("votes", i); ++i) {
            uint256[] memory indexes = nums("indexes");
            (uint256[] memory seats, uint256[] memory verdicts) = (nums("seats"), nums("verdicts"));
            assertEq(raw("packed").length, 8 * indexes.length, item);
            for (uint256 k; k < indexes.length; ++k) {
                (uint256 index, uint256 mask, uint256 verdict) = rules.vote(raw("packed"), k);
                assertEq(index, indexes[k], item);
                assertEq(mask, seats[k], item);
                assertEq(verdict, verdicts[k], item);
            }
        }
    }

    function test_vectors__headers() public {
        load("header");
        for (uint256 i; select("headers", i); ++i) {
            bytes memory header = raw("rlp");
            assertEq(keccak256(header), word("hash"), item);
            BlockHeader.Fields memory f = rules.parse(header);
            assertEq(f.parentHash, word("parentHash"), item);
            assertEq(f.number, num("number"), item);
            assertEq(f.timestamp, num("timestamp"), item);
            assertEq(f.prevRandao, word("prevrandao"), item);
        }
    }

    // --- entries

    function test_vectors__entries() public {
        load("typed_data");
        for (uint256 i; select("entries", i); ++i) {
            uint256 who = uint256(uint160(addr("trainer"))) << 96 | num("units") << 64 | num("base") << 48;
            assertEq(who, num("who"), item);
        }
    }

    // --- the tally

    function test_vectors__rounds() public {
        checkTally("rounds");
    }

    function test_vectors__shares() public {
        checkTally("shares");
    }

    /// @dev Calls the tally as the vectors say, and compares all that it returns. The sums are compared first: they tell more.
    function checkTally(string memory list) internal {
        load("pay");
        address tally = vm.deployCode("Tally.sol:Tally");
        select(list, 0);
        string[] memory names = vm.parseJsonStringArray(json, key("name"));
        (bytes[] memory calls, bytes[] memory outcomes) = (raws("call"), raws("outcomes"));
        (uint256[] memory fromEscrow, uint256[] memory fromStakes, uint256[] memory burned) =
            (nums("fromEscrow"), nums("fromStakes"), nums("burned"));
        bytes32[] memory returned = vm.parseJsonBytes32Array(json, key("returned"));
        for (uint256 i; i < calls.length; ++i) {
            (bool done, bytes memory answer) = tally.staticcall(calls[i]);
            assertTrue(done, names[i]);
            Settlement memory s = abi.decode(answer, (Settlement));
            assertEq(s.outcomes, outcomes[i], names[i]);
            assertEq(s.fromEscrow, fromEscrow[i], names[i]);
            (uint256 paid, uint256 lost) = taken(s);
            assertEq(paid, fromStakes[i], names[i]);
            assertEq(lost, burned[i], names[i]);
            assertLe(credited(s), s.fromEscrow + paid, names[i]);
            assertEq(keccak256(answer), returned[i], names[i]);
        }
    }

    function taken(Settlement memory s) internal pure returns (uint256 paid, uint256 burned) {
        for (uint256 k; k < s.slashes.length; ++k) {
            (paid, burned) = (paid + s.slashes[k].paid, burned + s.slashes[k].burned);
        }
        for (uint256 k; k < s.cuts.length; ++k) {
            (paid, burned) = (paid + s.cuts[k].paid, burned + s.cuts[k].burned);
        }
    }

    function credited(Settlement memory s) internal pure returns (uint256 sum) {
        for (uint256 k; k < s.credits.length; ++k) {
            sum += uint96(s.credits[k]);
        }
    }
}
