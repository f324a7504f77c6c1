// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Sheet, Sheets} from "../../contracts/libraries/Sheet.sol";

/// @dev Shares of a pot: rounding never makes them more than the pot. The claim is about one payee, share · due ≤ amount · pot; summed over
/// all payees it says Σ share · due ≤ pot · Σ amount = pot · due, for any number of them. The solvers can't divide by an unknown of 256
/// bits, so it is proved for some amounts due.
contract PayChecks {
    using Sheets for Sheet;

    function check_share__of_a_small_prime__at_most_its_part(uint8 amount, uint8 pot) external pure {
        part(amount, 13, pot);
    }

    function check_share__of_a_prime__at_most_its_part(uint8 amount, uint8 pot) external pure {
        part(amount, 251, pot);
    }

    function check_share__of_a_power_of_two__at_most_its_part(uint88 amount, uint88 pot) external pure {
        part(amount, 1 << 87, pot);
    }

    /// @dev While the pot is enough, nobody loses a wei, whatever the amounts are.
    function check_share__pot_that_is_enough__pays_in_full(uint96 amount, uint96 due, uint96 pot) external pure {
        if (due > pot) return;
        Sheet memory s;
        (s.due, s.pot) = (due, pot);
        assert(s.fromEscrow(amount) == amount && s.out.fromEscrow == amount);
    }

    function part(uint256 amount, uint256 due, uint256 pot) internal pure {
        if (amount > due || pot >= due) return;
        Sheet memory s;
        (s.due, s.pot) = (due, pot);
        uint256 share = s.fromEscrow(amount);
        assert(s.out.fromEscrow == share);
        assert(share * due <= amount * pot);
    }
}
