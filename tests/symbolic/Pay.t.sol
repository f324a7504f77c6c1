// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pay} from "../../contracts/libraries/Book.sol";

/// @dev Shares of a pot: rounding never makes them more than the pot. Widths are as small as the solver needs them.
contract PayChecks {
    /// @dev Summed over all payees this is the claim for any number of them: Σ share · due ≤ pot · Σ amount = pot · due.
    function check_share__any_amount__at_most_its_part_of_the_pot(uint24 amount, uint24 due, uint24 pot) external pure {
        if (amount > due) return;
        uint256 share = Pay.share(amount, due, pot);
        if (due <= pot) assert(share == amount);
        else assert(share * due <= uint256(amount) * pot);
    }

    function check_share__three_payees__sum_within_the_pot(uint8 a, uint8 b, uint8 c, uint8 pot) external pure {
        uint256 due = uint256(a) + b + c;
        uint256 sum = Pay.share(a, due, pot) + Pay.share(b, due, pot) + Pay.share(c, due, pot);
        assert(sum <= pot);
        assert(due > pot || sum == due);
    }
}
