// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, IRoundLedgerEvents, Reveal} from "../../contracts/interfaces/IRoundLedger.sol";
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

    // --- sortition

    function test_vectors__audit_seeds() public {
        load("sortition");
        for (uint256 i; select("seeds", i); ++i) {
            bytes16 seed = placed().auditSeed(num("task"), uint32(num("round")), word("prevrandao"));
            assertEq(abi.encodePacked(seed), raw("audit"), item);
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
            assertEq((2 * num("seats") + 2) / 3, num("quorum"), item);
        }
    }

    // --- windows

    function test_vectors__windows() public {
        load("windows");
        for (uint256 i; select("rounds", i); ++i) {
            uint256 c = num("start") << 48 | num("period") << Clocks.PERIOD | num("work") << Clocks.WORK | num("sealDelay")
                << Clocks.SEAL_DELAY | num("commitWindow") << Clocks.COMMIT | num("revealWindow") << Clocks.REVEAL | num("challengeWindow")
                << Clocks.CHALLENGE;
            uint256[6] memory got = rules.windows(Clock.wrap(c), num("round"));
            string[6] memory names = ["opens", "workEnd", "sealAt", "commitEnd", "revealEnd", "challengeEnd"];
            for (uint256 k; k < 6; ++k) {
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
        address ledger = vm.deployCode("RoundLedger.sol:RoundLedger", _wiring());
        for (uint256 i; select("attestations", i); ++i) {
            vm.etch(addr("ledger"), ledger.code);
            vm.chainId(num("chainId"));
            bytes memory call = abi.encodeWithSignature(
                "attestationDigest(uint256,uint32,address,bytes,uint256,bytes32,bytes32)",
                num("task"),
                uint32(num("round")),
                addr("validator"),
                raw("votes"),
                num("held"),
                word("evidence"),
                word("salt")
            );
            (bool done, bytes memory digest) = addr("ledger").staticcall(call);
            assertTrue(done, item);
            assertEq(abi.decode(digest, (bytes32)), word("digest"), item);
        }
    }

    /// @dev Constructor arguments that pass the ledger's wiring check.
    function _wiring() internal returns (bytes memory) {
        address at_ = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        address wired = address(0xABCD);
        vm.etch(wired, hex"00");
        vm.mockCall(wired, abi.encodeWithSignature("ledger()"), abi.encode(at_));
        vm.mockCall(wired, abi.encodeWithSignature("vault()"), abi.encode(wired));
        vm.mockCall(wired, abi.encodeWithSignature("token()"), abi.encode(address(1)));
        return abi.encode(wired, wired);
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

    // --- entries, pay

    function test_vectors__entries() public {
        load("typed_data");
        for (uint256 i; select("entries", i); ++i) {
            uint256 who = uint256(uint160(addr("trainer"))) << 96 | num("units") << 64 | num("base") << 48;
            assertEq(who, num("who"), item);
        }
    }

    function test_vectors__pay() public {
        load("pay");
        for (uint256 i; select("rounds", i); ++i) {
            uint256 snapshot = vm.snapshotState();
            _pay();
            vm.revertToState(snapshot);
        }
    }

    function _pay() internal {
        Entry[] memory entries = _entries();
        (Reveal[] memory reveals, address[] memory silent, uint256 weight) = _reveals();
        _expect();
        Rules.Got memory got = rules.settle(_given(), entries, reveals, silent, weight);
        assertEq(got.outcomes, raw("outcomes"), item);
        assertEq(got.fromEscrow, num("fromEscrow"), item);
        assertEq(got.fromBonds, num("fromBonds"), item);
        assertEq(got.burned, num("burned"), item);
        assertEq(got.credits, got.fromEscrow + got.fromBonds, item);
    }

    function _given() internal view returns (Rules.Given memory) {
        return Rules.Given({
            price: num("price"),
            seatFee: num("seatFee"),
            attestFee: num("attestFee"),
            pot: num("pot"),
            seats: num("seats"),
            bond: num("bond"),
            isSealed: vm.parseJsonBool(json, key("sealed"))
        });
    }

    function _entries() internal returns (Entry[] memory entries) {
        (address[] memory trainers, uint256[] memory units) = (addrs("trainers"), nums("units"));
        entries = new Entry[](trainers.length);
        for (uint256 k; k < trainers.length; ++k) {
            entries[k].who = uint256(uint160(trainers[k])) << 96 | units[k] << 64;
            uint256 open;
            for (uint256 m; m < trainers.length; ++m) {
                if (trainers[m] == trainers[k]) ++open;
            }
            rules.enlist(trainers[k], open);
        }
    }

    function _reveals() internal returns (Reveal[] memory reveals, address[] memory silent, uint256 weight) {
        (address[] memory validators, address[] memory attesters) = (addrs("validators"), addrs("attesters"));
        (uint256[] memory stakes, uint256[] memory held) = (nums("stakes"), nums("held"));
        bytes[] memory votes = vm.parseJsonBytesArray(json, key("votes"));
        bool isSealed = vm.parseJsonBool(json, key("sealed"));
        if (!isSealed) return (reveals, silent, 0);
        reveals = new Reveal[](validators.length);
        for (uint256 k; k < validators.length; ++k) {
            bool attested = _has(attesters, validators[k]);
            reveals[k] = Reveal({validator: validators[k], salt: "salt", evidence: "evidence", held: held[k], votes: votes[k]});
            rules.mark(reveals[k], stakes[k], true, attested);
            if (attested) weight += stakes[k];
        }
        silent = new address[](attesters.length);
        uint256 n;
        for (uint256 k; k < attesters.length; ++k) {
            if (_has(validators, attesters[k]) || _has(silent, attesters[k])) continue;
            Reveal memory r;
            r.validator = attesters[k];
            rules.mark(r, 5, false, true);
            silent[n++] = attesters[k];
            weight += 5;
        }
        assembly ("memory-safe") {
            mstore(silent, n)
        }
    }

    function _has(address[] memory list, address a) internal pure returns (bool) {
        for (uint256 k; k < list.length; ++k) {
            if (list[k] == a) return true;
        }
        return false;
    }

    /// @dev The events, in the ledger's order: slashes, then pay.
    function _expect() internal {
        address[] memory slashed = addrs("slashAccounts");
        for (uint256 k; k < slashed.length; ++k) {
            vm.expectEmit(address(rules));
            emit IRoundLedgerEvents.Slashed(1, slashed[k], 1, uint16(nums("slashIndexes")[k]), nums("slashBurned")[k], nums("slashFees")[k]);
        }
        address[] memory paid = addrs("payAccounts");
        for (uint256 k; k < paid.length; ++k) {
            vm.expectEmit(address(rules));
            emit IRoundLedgerEvents.Paid(
                1, paid[k], 1, uint8(nums("payRoles")[k]), uint16(nums("paySeats")[k]), uint16(nums("payAgreed")[k]), nums("payAmounts")[k]
            );
        }
    }
}
