// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Economics} from "../../contracts/libraries/Economics.sol";
import {Test} from "forge-std/Test.sol";

contract EconomicsTest is Test {
    // --- the chance of a quorum

    function test_quorumChance__known_committees__as_published() public pure {
        _chance(3, 25.9e3);
        _chance(5, 4.5e3);
        _chance(7, 4.5e3);
        _chance(15, 0.9e3);
    }

    /// @param expected thousandths of a per cent, rounded to a tenth of a per cent
    function _chance(uint256 seats, uint256 expected) internal pure {
        (uint256 ways, uint256 all) = Economics.quorumChance(seats);
        assertApproxEqAbs(ways * 100_000 / all, expected, 50, "chance");
    }

    /// @dev Every committee counted: each of its seats is one of three, of which one is the coalition's.
    function test_quorumChance__all_committees_counted__agrees() public pure {
        for (uint256 seats = 1; seats <= 9; ++seats) {
            (uint256 ways, uint256 all) = Economics.quorumChance(seats);
            assertEq(all, 3 ** seats, "committees");
            assertEq(ways, _counted(seats), "that a third fills");
        }
    }

    function _counted(uint256 seats) internal pure returns (uint256 found) {
        for (uint256 committee; committee < 3 ** seats; ++committee) {
            uint256 held;
            for (uint256 rest = committee; rest != 0; rest /= 3) {
                if (rest % 3 == 1) ++held;
            }
            if (3 * held >= 2 * seats) ++found;
        }
    }

    function test_quorumChance__sixteen_seats__ten_thousand_times_the_square_fits() public pure {
        (uint256 ways, uint256 all) = Economics.quorumChance(16);
        assertEq(all, 43_046_721, "3^16");
        assertEq(ways, 173_889, "eleven or more of sixteen"); // Σ C(16,k) 2^(16−k), k ≥ 11
    }

    // --- the smallest bond

    /// @dev attack C10. Gains and losses are in units of 1 / whole: (1 − q) · pay, and q · half the bond.
    function testFuzz_leastBond__cheating__loses_and_one_gwei_less_does_not(uint8 seats, bool extra, uint16 power, uint96 pay) public pure {
        seats = uint8(bound(seats, 2, 16));
        power = uint16(bound(power, 1, 10_000));
        if (power < Economics.leastPower(seats, extra, pay)) power = uint16(Economics.leastPower(seats, extra, pay));
        if (power > 10_000) return; // this pay tempts whatever the bond: see below
        uint256 bond = Economics.leastBond(seats, extra, power, pay);
        (uint256 caught, uint256 whole) = Economics.detection(seats, extra, power);

        assertGe(caught * bond, 2 * (whole - caught) * pay, "cheating loses");
        if (bond != 0) assertLt(caught * (bond - 1 gwei), 2 * (whole - caught) * pay, "one gwei less, and it doesn't");
        assertEq(bond % 1 gwei, 0, "a multiple of 1 gwei");
        assertLe(bond, Economics.MAX_BOND, "there is such a bond");
    }

    function testFuzz_leastPower__one_less__no_bond_deters(uint8 seats, bool extra, uint96 pay) public pure {
        seats = uint8(bound(seats, 2, 16));
        uint256 power = Economics.leastPower(seats, extra, pay);
        if (power == 1) return;
        (uint256 caught, uint256 whole) = Economics.detection(seats, extra, power - 1);
        assertLt(caught * Economics.MAX_BOND, 2 * (whole - caught) * pay, "the largest bond is too small");
    }

    /// @dev attack C10: honest work is never the worse choice, whatever it costs, though nobody states the cost.
    function testFuzz_leastBond__any_cost_of_work__honesty_is_worth_more(uint8 seats, uint16 power, uint64 pay, uint64 cost) public pure {
        seats = uint8(bound(seats, 2, 16));
        power = uint16(bound(power, 100, 10_000));
        cost = uint64(bound(cost, 0, pay)); // who works at a loss is no one
        uint256 bond = Economics.leastBond(seats, false, power, pay);
        (uint256 caught, uint256 whole) = Economics.detection(seats, false, power);

        int256 honest = int256(whole * pay) - int256(whole * cost);
        int256 cheating = int256((whole - caught) * pay) - int256(caught * bond / 2);
        assertGe(honest, cheating, "honesty");
    }

    function test_leastBond__table_of_the_mechanism() public pure {
        // bond / 2 per pay with certain checks: 0.35, 0.05, 0.05, 0.01; with the extra draw 0.82, 0.10, 0.10, 0.02
        uint256[2][4] memory expected = [[uint256(35), 82], [uint256(5), 10], [uint256(5), 10], [uint256(1), 2]];
        uint8[4] memory seats = [3, 5, 7, 15];
        for (uint256 i; i < 4; ++i) {
            for (uint256 extra; extra < 2; ++extra) {
                uint256 bond = Economics.leastBond(seats[i], extra == 1, 10_000, 1 ether);
                assertApproxEqAbs(bond / 2, expected[i][extra] * 0.01 ether, 0.005 ether, "bond per pay");
            }
        }
    }

    function test_inGwei__rounds_up() public pure {
        assertEq(Economics.inGwei(0), 0);
        assertEq(Economics.inGwei(1), 1 gwei);
        assertEq(Economics.inGwei(1 gwei), 1 gwei);
        assertEq(Economics.inGwei(1 gwei + 1), 2 gwei);
    }
}
