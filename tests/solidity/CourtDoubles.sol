// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "../../contracts/interfaces/IBeacon.sol";
import {IStakeVaultErrors, Taking} from "../../contracts/interfaces/IStakeVault.sol";
import {Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {Entry, IRoundLedgerErrors} from "../../contracts/interfaces/RoundLedgerTypes.sol";

/// @dev What the court needs of a ledger, and a record of what it was told. The real one is met in DisputeCourtFlow.t.sol.
contract LedgerDouble is IRoundLedgerErrors {
    struct Lot {
        uint32 from;
        uint32 until;
        uint256 lo;
        uint256 hi;
    }

    struct Told {
        uint16 index;
        uint8 claim;
        uint8 check;
        uint16 leaf;
        uint8 ruling;
        address challenger;
        address[] attesters;
    }

    address public immutable vault;
    address public immutable beacon;
    address public immutable gateway;
    address public court;
    uint256 public line;
    /// @dev Cases that the ledger waits for.
    uint256 public waiting;
    bool public isFinal = true;

    mapping(uint256 index => bytes32) public roots;
    mapping(uint256 index => address) public trainers;
    mapping(address account => Lot) public lots;
    bytes32 public checkpoint;
    bool internal _isRootDisputed;
    Terms internal _terms;
    Told internal _told;

    constructor(address vault_, address beacon_, address gateway_) {
        (vault, beacon, gateway) = (vault_, beacon_, gateway_);
    }

    // --- set by tests

    function wire(address court_) external {
        court = court_;
    }

    function set(Terms calldata t, uint256 line_, bytes32 checkpoint_) external {
        (_terms, line, checkpoint) = (t, line_, checkpoint_);
    }

    function put(uint256 index, bytes32 root, address trainer) external {
        (roots[index], trainers[index]) = (root, trainer);
    }

    function lay(address account, uint32 from, uint32 until, uint256 lo, uint256 hi) external {
        lots[account] = Lot(from, until, lo, hi);
    }

    function setFinal(bool isFinal_) external {
        isFinal = isFinal_;
    }

    function told() external view returns (Told memory) {
        return _told;
    }

    // --- asked by the court

    function termsOf(uint256) external view returns (Terms memory) {
        return _terms;
    }

    function lotOf(uint256, address account) external view returns (uint32, uint32, uint256, uint256, uint256) {
        Lot memory lot = lots[account];
        return (lot.from, lot.until, lot.lo, lot.hi, 0);
    }

    function dispute(uint256, uint32, Entry[] calldata, uint16 index) external returns (bytes32, address, uint256) {
        require(msg.sender == court, OnlyCourt(msg.sender));
        require(roots[index] != 0, WrongEntries());
        ++waiting;
        return (roots[index], trainers[index], line);
    }

    function disputeRoot(uint256, uint32, bytes32 root) external returns (uint256) {
        require(msg.sender == court, OnlyCourt(msg.sender));
        require(root == checkpoint, WrongRoot(root));
        require(!_isRootDisputed, AlreadyDisputed());
        _isRootDisputed = true;
        ++waiting;
        return line;
    }

    function rule(uint256, uint32, uint16 index, uint8 claim, uint8 check, uint16 leaf, uint8 ruling, address challenger) external {
        require(msg.sender == court, OnlyCourt(msg.sender));
        --waiting;
        _told = Told(index, claim, check, leaf, ruling, challenger, new address[](0));
    }

    function ruleRoot(uint256, uint32 round, uint8 ruling, address challenger, address[] calldata attesters) external {
        require(msg.sender == court, OnlyCourt(msg.sender));
        require(isFinal, NotFinal(round));
        --waiting;
        _told = Told(type(uint16).max, 3, 0, 0, ruling, challenger, attesters);
    }
}

/// @dev A vault without a token: numbers that may neither appear nor vanish.
contract VaultDouble is IStakeVaultErrors {
    struct Account {
        uint256 staked;
        uint256 locked;
        uint256 claimable;
    }

    address public ledger;
    address public court;
    address public immutable gateway;
    uint256 public burned;
    uint256 public settlements;
    mapping(address account => Account) public accountOf;

    constructor(address gateway_) {
        gateway = gateway_;
    }

    function wire(address ledger_, address court_) external {
        (ledger, court) = (ledger_, court_);
    }

    function give(address account, uint256 amount) external {
        accountOf[account].staked += amount;
    }

    /// @dev What an account may do with its free stake at any time.
    function leave(address account) external {
        accountOf[account].staked = accountOf[account].locked;
    }

    function lock(address account, uint256 amount) external {
        require(msg.sender == court, OnlySlasher(msg.sender));
        Account storage a = accountOf[account];
        require(amount <= a.staked - a.locked, InsufficientFreeStake(a.staked - a.locked, amount));
        a.locked += amount;
    }

    function unlock(address account, uint256 amount) external {
        require(msg.sender == court, OnlySlasher(msg.sender));
        require(amount != 0, ZeroAmount());
        Account storage a = accountOf[account];
        require(amount <= a.locked, InsufficientLockedStake(a.locked, amount));
        a.locked -= amount;
    }

    function settle(uint256[] calldata credits, Taking[] calldata takings, uint256 funded) external {
        require(msg.sender == court, OnlySlasher(msg.sender));
        uint256 available = funded;
        ++settlements;
        for (uint256 k; k < takings.length; ++k) {
            Account storage a = accountOf[takings[k].account];
            uint256 taken = uint256(takings[k].burned) + takings[k].paid;
            require(taken <= a.locked, InsufficientLockedStake(a.locked, taken));
            (a.staked, a.locked) = (a.staked - taken, a.locked - taken);
            burned += takings[k].burned;
            available += takings[k].paid;
        }
        uint256 credited;
        for (uint256 k; k < credits.length; ++k) {
            uint256 amount = uint96(credits[k]);
            require(amount != 0, ZeroAmount());
            accountOf[address(uint160(credits[k] >> 96))].claimable += amount;
            credited += amount;
        }
        require(credited == available, Unfunded(credited, available));
    }
}

/// @dev Knows the words of the seconds it was told.
contract BeaconDouble is IBeacon {
    mapping(uint256 time => bytes32) internal _words;

    function set(uint256 time, bytes32 word) external {
        _words[time] = word;
    }

    function wordAt(uint256 time, bytes calldata proof) external view returns (bytes32, uint256) {
        require(_words[time] != 0, WrongProof("time"));
        require(keccak256(proof) == keccak256("proof"), WrongProof("proof"));
        return (_words[time], time / 12);
    }

    function live() external pure returns (bool) {
        return true;
    }
}
