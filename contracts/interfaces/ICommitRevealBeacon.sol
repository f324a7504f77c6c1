// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "./IBeacon.sol";

/// @title Errors of the commit-reveal beacon.
interface ICommitRevealBeaconErrors {
    error ZeroAddress();
    /// @dev Thrown by the constructor when slots or reveals have no length, or a commitment would cost nothing.
    error ZeroAmount();
    error ZeroCommitment();
    /// @dev Thrown when a commitment comes in or after the second in which its slot begins.
    error SlotBegun(uint256 begins, uint256 now_);
    /// @dev Thrown when a reveal comes outside its window [from, until).
    error OutsideWindow(uint256 from, uint256 until, uint256 now_);
    error AlreadyCommitted(address account);
    /// @dev Thrown when nothing waits to be revealed by the account, also when it was revealed before.
    error NotCommitted(address account);
    error WrongOpening(address account);
    /// @dev Thrown while reveals may still come.
    error NotKnownYet(uint256 knownAt, uint256 now_);
    /// @dev Thrown when nobody revealed: the slot has no word and never will; a round that needs it is void.
    error NoWord(uint256 slot);
    error NothingToBurn(uint256 slot);
    /// @dev Thrown when the tokens that arrived aren't the deposit.
    error WrongTransfer(uint256 expected, uint256 received);
}

/// @title Events of the commit-reveal beacon.
interface ICommitRevealBeaconEvents {
    event Committed(uint256 indexed slot, address indexed account, bytes32 commitment);
    event Revealed(uint256 indexed slot, address indexed account, bytes32 secret);
    event Burned(uint256 indexed slot, uint256 amount);
}

/// @title The commit-reveal beacon, for chains whose `prevrandao` is constant: many secrets make one word.
/// @dev *Time.* Slot n begins at n · slotSeconds. The word of a time is that of the first slot that begins at or after it, so that nothing of
/// it was revealed before. Its word is known `revealSeconds` after the slot began, or never. A task's commit window must be longer than
/// slotSeconds + revealSeconds.
///
///     ------- commit, with a deposit -------|---- reveal, deposit back ----|---- word known; the rest of the deposits burns
///                                    slot begins                     + revealSeconds
///
/// *Word.* keccak over the slot and the exclusive or of all secrets' hashes. The order of reveals doesn't matter: with a chain of hashes, late
/// revealers would choose among orders for nothing. There is no list, so nothing bounds how many take part, and nobody can fill the places
/// to shut others out.
/// *Bias.* One participant who keeps its secret until the slot begins and then reveals makes the word unforeseeable: whoever relies on
/// a word takes part. Who reveals last knows the word with and without its own secret, and pays one deposit to choose the other one; with
/// k accounts it chooses among 2^k words, a deposit for each secret that it withholds. So `deposit` must be more than one bit is
/// worth to anybody. Who is the only one to reveal has chosen the word. Who can keep others' reveals out of every block of the window (a lone
/// sequencer) chooses as well, and burns their deposits: `revealSeconds` must be longer than it could do so unseen.
/// *Silence.* No reveal, no word: a lone participant can void a round for one deposit. *Accounting.* The balance is one deposit for each
/// commitment that is neither revealed nor burned. *Roles.* None. *Token requirements.* As of the vault: a plain ERC-20.
interface ICommitRevealBeacon is IBeacon, ICommitRevealBeaconErrors, ICommitRevealBeaconEvents {
    /// @notice Commits the caller's secret for a slot that hasn't begun, and takes the deposit. Once an account and slot.
    /// @param commitment see `commitmentOf`; of 32 random bytes, fresh ones for each slot
    function commit(uint64 slot, bytes32 commitment) external;

    /// @notice Reveals the caller's secret of a slot, in [begin, begin + revealSeconds), and returns the deposit.
    function reveal(uint64 slot, bytes32 secret) external;

    /// @notice Burns the deposits of those who didn't reveal in time. Anyone may call it.
    function burn(uint64 slot) external;

    /// @notice keccak(abi.encode(chain id, this contract, slot, secret, account)).
    /// @dev Warning: compute it yourself. Whoever runs the node that is asked learns the secret.
    function commitmentOf(uint64 slot, bytes32 secret, address account) external view returns (bytes32);

    /// @notice The slot whose word belongs to `time`.
    function slotOf(uint256 time) external view returns (uint64);
    /// @notice How many committed and weren't burned, and how many revealed.
    function countsOf(uint64 slot) external view returns (uint256 committed, uint256 revealed);
    /// @notice What waits to be revealed; 0 when nothing does.
    function waiting(uint64 slot, address account) external view returns (bytes32 commitment);
    function token() external view returns (address);
    function slotSeconds() external view returns (uint64);
    function revealSeconds() external view returns (uint64);
    function deposit() external view returns (uint256);
}
