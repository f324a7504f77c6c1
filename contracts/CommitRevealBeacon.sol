// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "./interfaces/IBeacon.sol";
import {ICommitRevealBeacon} from "./interfaces/ICommitRevealBeacon.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title The commit-reveal beacon. @dev See ICommitRevealBeacon.
contract CommitRevealBeacon is ICommitRevealBeacon, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev `mix` is the exclusive or of all revealed contributions.
    struct Slot {
        uint128 committed;
        uint128 revealed;
        bytes32 mix;
    }

    /// @dev Where burned tokens go: a plain ERC-20 has no burn.
    address internal constant GRAVE = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc ICommitRevealBeacon
    address public immutable token;
    /// @inheritdoc ICommitRevealBeacon
    uint64 public immutable slotSeconds;
    /// @inheritdoc ICommitRevealBeacon
    uint64 public immutable revealSeconds;
    /// @inheritdoc ICommitRevealBeacon
    uint256 public immutable deposit;

    mapping(uint64 slot => Slot) internal _slots;
    /// @inheritdoc ICommitRevealBeacon
    mapping(uint64 slot => mapping(address account => bytes32)) public waiting;

    constructor(address token_, uint64 slotSeconds_, uint64 revealSeconds_, uint256 deposit_) {
        require(token_ != address(0), ZeroAddress());
        require(token_.code.length != 0, Address.AddressEmptyCode(token_));
        require(slotSeconds_ != 0 && revealSeconds_ != 0 && deposit_ != 0, ZeroAmount());
        (token, slotSeconds, revealSeconds, deposit) = (token_, slotSeconds_, revealSeconds_, deposit_);
    }

    /// @inheritdoc ICommitRevealBeacon
    function commit(uint64 slot, bytes32 commitment) external nonReentrant {
        require(commitment != 0, ZeroCommitment());
        require(block.timestamp < _begins(slot), SlotBegun(_begins(slot), block.timestamp));
        require(waiting[slot][msg.sender] == 0, AlreadyCommitted(msg.sender));

        waiting[slot][msg.sender] = commitment;
        _slots[slot].committed++;
        emit Committed(slot, msg.sender, commitment);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), deposit);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        // slither-disable-next-line incorrect-equality two balances of one call: donations are in both
        require(received == deposit, WrongTransfer(deposit, received));
    }

    /// @inheritdoc ICommitRevealBeacon
    function reveal(uint64 slot, bytes32 secret) external nonReentrant {
        (uint256 from, uint256 until) = (_begins(slot), _knownAt(slot));
        require(block.timestamp >= from && block.timestamp < until, OutsideWindow(from, until, block.timestamp));
        bytes32 commitment = waiting[slot][msg.sender];
        require(commitment != 0, NotCommitted(msg.sender));
        require(commitment == commitmentOf(slot, secret, msg.sender), WrongOpening(msg.sender));

        delete waiting[slot][msg.sender];
        Slot storage s = _slots[slot];
        s.revealed++;
        // not the secret itself: two accounts with one secret would cancel each other
        s.mix ^= keccak256(abi.encode(secret, msg.sender));
        emit Revealed(slot, msg.sender, secret);
        IERC20(token).safeTransfer(msg.sender, deposit);
    }

    /// @inheritdoc ICommitRevealBeacon
    function burn(uint64 slot) external nonReentrant {
        uint256 knownAt = _knownAt(slot);
        require(block.timestamp >= knownAt, NotKnownYet(knownAt, block.timestamp));
        Slot storage s = _slots[slot];
        uint256 silent = s.committed - s.revealed;
        require(silent != 0, NothingToBurn(slot));

        s.committed = s.revealed;
        emit Burned(slot, silent * deposit);
        IERC20(token).safeTransfer(GRAVE, silent * deposit);
    }

    // --- views

    /// @inheritdoc IBeacon
    /// @dev Needs no proof: what is passed isn't looked at.
    function wordAt(uint256 time, bytes calldata) external view returns (bytes32 word, uint256 source) {
        uint64 slot = slotOf(time);
        uint256 knownAt = _knownAt(slot);
        require(block.timestamp >= knownAt, NotKnownYet(knownAt, block.timestamp));
        Slot storage s = _slots[slot];
        require(s.revealed != 0, NoWord(slot));
        return (keccak256(abi.encode(block.chainid, address(this), slot, s.mix)), slot);
    }

    /// @inheritdoc IBeacon
    function live() external pure returns (bool) {
        return true;
    }

    /// @inheritdoc ICommitRevealBeacon
    function commitmentOf(uint64 slot, bytes32 secret, address account) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), slot, secret, account));
    }

    /// @inheritdoc ICommitRevealBeacon
    function slotOf(uint256 time) public view returns (uint64) {
        return SafeCast.toUint64(Math.ceilDiv(time, slotSeconds));
    }

    /// @inheritdoc ICommitRevealBeacon
    function countsOf(uint64 slot) external view returns (uint256 committed, uint256 revealed) {
        Slot storage s = _slots[slot];
        return (s.committed, s.revealed);
    }

    // --- inside

    function _begins(uint64 slot) internal view returns (uint256) {
        return uint256(slot) * slotSeconds;
    }

    function _knownAt(uint64 slot) internal view returns (uint256) {
        return _begins(slot) + revealSeconds;
    }
}
