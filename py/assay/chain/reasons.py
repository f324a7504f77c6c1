"""Why a contract refused a call: the custom error of the revert data, as one sentence for the person who reads it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from assay.chain.abi import CustomError, Interface
from assay.chain.compiled import CONTRACTS, compiled

ERROR_TEXT = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")

SENTENCES = {
    "OnlyMarket": "Only the task market may do that, not {caller}.",
    "OnlyLedger": "Only the round ledger may do that, not {caller}.",
    "OnlyInitiator": "Only the task's initiator may do that, not {caller}.",
    "OnlyPayout": "Only the payout address {payout} may change the payout address.",
    "UnknownTask": "There is no task {task}.",
    "UnknownRound": "Task {task} has no round {round} now.",
    "BadTerms": "The contract refuses the task's terms: {what}.",
    "OutsideWindow": "The action belongs to the time from {from} until {until}, and the block's time is {now}.",
    "NotStarted": "Task {task} hasn't started.",
    "NotEnlisted": "{account} isn't enlisted for that task in that round.",
    "AlreadyEnlisted": "{account} is enlisted for that task already.",
    "ExposureTooLarge": "Open submissions would risk {wanted:tokens}, and only {enlisted:tokens} are enlisted.",
    "BaseTooOld": "Checkpoint {base} is too old for round {round}: at most {staleness} rounds may lie between.",
    "BaseUnknown": "Checkpoint {base} isn't final; the newest final one is {head}.",
    "UnitsOutOfRange": "{units} units are outside 1 to {maxUnits}.",
    "RoundFull": "The round takes no more submissions.",
    "RoundOccupied": "The round's storage still holds round {other}, which isn't final.",
    "AlreadySealed": "The round is sealed already.",
    "NotSealed": "The round isn't sealed.",
    "WrongHeader": "The block header shown for the seal is wrong: {what}.",
    "AlreadyCommitted": "{validator} has committed in that round already.",
    "NotCommitted": "{validator} hasn't committed in that round.",
    "WrongOpening": "What {validator} revealed isn't what it committed to.",
    "SeatNotDrawn": "Seat {seat} of submission {index} wasn't drawn for that validator.",
    "MalformedVotes": "The packed votes are malformed.",
    "AlreadyAttested": "{validator} has attested that checkpoint already.",
    "StaleCheckpoint": "Checkpoint {round} is behind the newest final one, {head}.",
    "WrongGenesis": "The genesis attested isn't the one that the task names.",
    "WrongEntries": "The submissions shown aren't all of the round's, in the order of their events.",
    "WrongReveals": "{shown} reveals were shown, and the round counted {counted}.",
    "WrongAttesters": "The attesters shown aren't those of the winning checkpoint.",
    "AlreadyFinal": "The round is final already.",
    "StillExposed": "Open submissions still risk that stake.",
    "StillNeeded": "The stake is needed until {until}.",
    "AmountNotInGwei": "{amount} wei isn't a whole number of gwei.",
    "ZeroAmount": "The amount is zero.",
    "ZeroAddress": "The address is zero.",
    "AmountTooLarge": "The amount is too large.",
    "InsufficientFreeStake": "Only {free:tokens} of the stake are free, and {wanted:tokens} are wanted.",
    "NothingToPay": "There is nothing to pay out.",
    "TooManyUnbondings": "Sixteen withdrawals are waiting already.",
    "WrongTransfer": "{expected:tokens} should have arrived, and {received:tokens} did.",
    "Insolvent": "The vault would owe {owed:tokens} and hold {balance:tokens}.",
    "BudgetTooSmall": "The budget {budget:tokens} doesn't cover the rounds' pots, {needed:tokens}.",
    "TaskStillOpen": "Task {task} may still pay a round, so that nothing can be refunded yet.",
    "NothingToRefund": "Task {task} has nothing left to refund.",
    "EscrowTooSmall": "The escrow holds {escrow:tokens}, and {wanted:tokens} are wanted.",
    "ERC20InsufficientBalance": "{sender} holds {balance:tokens}, and {needed:tokens} are needed.",
    "ERC20InsufficientAllowance": "{spender} may move {allowance:tokens}; {needed:tokens} are needed: approve first.",
    "UnknownRole": "There is no role {role}: 1 is trainer, 2 is validator.",
    "StillEnlisted": "{account} must leave the task first.",
    "NotFinal": "Round {round} isn't final yet.",
    "LotTooSmall": "{amount:tokens} is too small a stake for this task: at least {least:tokens} are needed.",
    "LineFull": "The task takes no more stake.",
    "WrongWiring": "The contracts given don't name one another.",
    "InsufficientLockedStake": "Only {locked:tokens} of the stake are locked, and {wanted:tokens} are wanted.",
    "ReentrancyGuardReentrantCall": "The contract was called from inside itself.",
}


class _Value:
    """A value inside a sentence: `{x}` as it is, `{x:tokens}` in tokens of 10^18."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __format__(self, spec: str) -> str:
        if spec == "tokens":
            whole, part = divmod(int(self._value), 10**18)
            return f"{whole:,}.{part:018d}".rstrip("0").ljust(len(f"{whole:,}") + 3, "0")
        return "0x" + self._value.hex() if isinstance(self._value, bytes) else str(self._value)


@lru_cache(maxsize=1)
def _errors() -> dict[bytes, CustomError]:
    return {key: error for name in CONTRACTS for key, error in Interface(compiled(name).abi).errors.items()}


def name_of(data: bytes) -> str:
    """Return the name of the custom error in revert data, or an empty text."""
    error = _errors().get(data[:4])
    return error.name if error else ""


def sentence(data: bytes) -> str:
    """Return one sentence for the revert data of a call."""
    try:
        if data[:4] == ERROR_TEXT:
            return f"The contract refused: {decode(['string'], data[4:])[0]}."
        if data[:4] == PANIC:
            return f"The contract stopped at a fault of its own (panic {decode(['uint256'], data[4:])[0]:#x})."
        error = _errors().get(data[:4])
        if error is None:
            return (
                f"The contract refused without a known reason (0x{data[:4].hex()})."
                if data
                else "The contract refused without a reason."
            )
        arguments = error.arguments(data[4:])
    except DecodingError:
        return f"The contract refused with a reason that can't be read (0x{data[:36].hex()})."
    text = SENTENCES.get(error.name)
    if text is None:
        shown = ", ".join(f"{name.rstrip('_')}={value}" for name, value in arguments.items())
        return f"The contract refused: {error.name}({shown})."
    return text.format(**{name.strip("_"): _Value(value) for name, value in arguments.items()})
