// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Aside, Entry, Extra, Reveal} from "./RoundLedgerTypes.sol";

/// @notice The terms that a settlement depends on. Wei; `canaryRate` per 10,000.
struct PayTerms {
    uint256 seats;
    uint256 price;
    uint256 seatFee;
    uint256 attestFee;
    uint256 pot;
    uint256 bond;
    uint256 cut;
    uint256 canaryFee;
    uint256 canaryRate;
}

/// @notice A validator as the ledger knows it at the settlement.
/// @param account, @param stake gwei of its lot, @param backing wei of it that weren't cut, @param attests whether it is paid for the checkpoint
struct Voter {
    address account;
    uint256 stake;
    uint256 backing;
    bool attests;
}

/// @notice What the ledger knows of a round.
/// @param voters of the reveals, in their order, then of the extras
/// @param attesters how many are paid for the checkpoint, with those who revealed nothing
/// @param disputed bit i: submission i is disputed
/// @param canaries bit i: submission i was opened as a canary
/// @param opened of each canary in the order of its index: rank 128 | leaf 32 | check 8, above bit 1, which is set
struct Facts {
    bool isSealed;
    PayTerms terms;
    Voter[] voters;
    uint256 attesters;
    uint256 disputed;
    uint256 canaries;
    uint256[] opened;
}

/// @notice A leaf that the court found good, by one check.
/// @param by who challenged the refusal
struct Good {
    uint8 check;
    uint16 leaf;
    address by;
}

/// @notice What the court ruled on one submission.
/// @param isBad a leaf was found bad, @param badBy who challenged it first
/// @param goods leaves that were found good, among those that matter
struct Ruling {
    bool isBad;
    address badBy;
    Good[] goods;
}

/// @notice Stake that one account loses over one submission.
/// @param reason of a cut, as in the event; 0 of a slash
struct Penalty {
    address account;
    uint16 index;
    uint8 reason;
    uint96 burned;
    uint96 paid;
}

/// @notice What a settlement changes. Σ credits ≤ fromEscrow + Σ paid.
/// @param credits one word an account: account 160 | wei 96, from the top
/// @param slashes of trainers, @param cuts of validators
/// @param payments as in the event
struct Settlement {
    bytes outcomes;
    uint256[] credits;
    Penalty[] slashes;
    Penalty[] cuts;
    Aside[] asides;
    bytes payments;
    uint256 fromEscrow;
    uint256 attestPay;
}

/// @title The tally: outcomes, pay and slashes from submissions and votes. A rule, not a state.
/// @dev Pure: it holds nothing and knows no clock, no task and no token. The ledger checks what it passes on: that entries and votes are complete and
/// genuine, that seats were drawn. Anyone may ask what a round would come to.
interface ITally {
    /// @notice A whole round.
    function settle(
        Facts calldata facts,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters,
        bytes32[] calldata salts
    ) external pure returns (Settlement memory);

    /// @notice One share that was set aside.
    /// @param backings wei that each ballot's validator can still lose
    /// @param isOpened whether its salt was shown
    function resolve(PayTerms calldata terms, Aside calldata aside, uint256[] calldata backings, Ruling calldata ruling, bool isOpened)
        external
        pure
        returns (Settlement memory);
}
