"""Why a contract refused a call: the custom error of the revert data, as one sentence for the person who reads it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from assay.chain.abi import CustomError, Interface, type_of
from assay.chain.compiled import CONTRACTS, LIBRARIES, compiled
from assay.types import Stage

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
    "WrongProof(string)": "The proof shown for the random word is wrong: {what}.",
    "WrongProof()": "The proof doesn't show that leaf in that artifact.",
    "OnlyCourt": "Only the dispute court may do that, not {caller}.",
    "OnlySlasher": "Only the round ledger or the dispute court may do that, not {caller}.",
    "NotInvited": "{account} hasn't redeemed an invite to that private task.",
    "StakeTooLow": "Only {enlisted:gwei} are enlisted, and a round opens with {minStake:gwei} or more.",
    "AlreadyVoted": "{0} has voted already.",
    "WrongExtras": "The votes of the extra draw shown aren't all of the round's, in the order of their events.",
    "StillDisputed": "A share of one of its rounds is still set aside.",
    "WrongMark": "The mark of submission {index} doesn't open to what is shown.",
    "AlreadyOpened": "Submission {index} was opened as a canary already.",
    "NotSilent": "{validator} wasn't silent, or its silence was shown before.",
    "WrongAside": "No such share is set aside.",
    "StillWaiting": "A ruling, or the time to show the salt, is still to come.",
    "WrongRoot": "{root} isn't the round's final checkpoint.",
    "AlreadyDisputed": "The checkpoint is disputed already, or was.",
    "InsufficientUnbonding": "Only {unbonding:tokens} are unbonding, and {wanted:tokens} are wanted.",
    "InsufficientStake": "{account} has too little stake to pay {wanted:tokens}.",
    "Unfunded": "{credited:tokens} would be credited, and {available:tokens} are there for it.",
    "WindowsTooLong": "A round's checkpoint would be ready after {ready} s, and may take {allowed} s.",
    "SpanTooLong": "A round's windows and disputes take {span} s, and may take {allowed} s.",
    "ChallengeTooShort": "The challenge window of {challengeWindow} s is too short: at least {needed} s are needed.",
    "UnbondingTooShort": "Stake leaves after {unbonding} s, and must answer for {needed} s.",
    "BondTooSmall": "The bond {bond:tokens} is too small for cheating to be a loss: at least {needed:tokens}.",
    "PowerTooSmall": "The checks' power of {power} per 10,000 is too small: at least {needed} are needed.",
    "PotTooSmall": "The pot {pot:tokens} is too small: at least {needed:tokens} are needed.",
    "CutTooLarge": "The cut {cut:tokens} is too large: at most {allowed:tokens}, so that the smallest lot covers it.",
    "CutTooSmall": "The cut {cut:tokens} is too small: at least {needed:tokens} are needed.",
    "CanaryFeeTooLarge": "The canary fee {canaryFee:tokens} is too large: its seats cost {allowed:tokens}.",
    "SeatsTooFew": "{seats} seats are too few: at least {needed} are needed.",
    "NoBeacon": "This chain has no live beacon for the contracts: its random words would be known in advance.",
    "UnknownCase": "There is no case {id}.",
    "UnknownClaim": "There is no claim {claim}: 1 is a bad leaf, 2 a good leaf, 3 a wrong checkpoint.",
    "AlreadyChallenged": "That leaf was challenged before, for the same check: case {id}.",
    "WrongStage": "The case is {stage:stage}; that belongs to when it is {needed:stage}.",
    "AlreadySummoned": "The jury was drawn already.",
    "NotSummoned": "The jury isn't drawn yet.",
    "NotAJuror": "{account} isn't a juror of that case.",
    "UnknownVote": "There is no vote {vote}: 1 upholds the claim, 2 rejects it.",
    "AlreadyAppealed": "The case was appealed already.",
    "WrongJurors": "The jurors shown aren't all who revealed, ascending.",
    "UnknownTarget": "The gateway doesn't pass calls on to {target}.",
    "NoSelector": "A call without a function can't be passed on.",
    "RequestExpired": "The request expired at {deadline}, and the block's time is {now}.",
    "NonceUsed": "The nonce {nonce} of {account} was used or cancelled.",
    "WrongSignature": "The signature isn't that of {0}.",
    "InviteExpired": "The invite expired at {expiry}, and the block's time is {now}.",
    "ZeroCommitment": "The commitment is zero.",
    "SlotBegun": "The slot began at {begins}, and the block's time is {now}.",
    "NotKnownYet": "The random word is known from {knownAt} on, and the block's time is {now}.",
    "NoWord": "Nobody revealed in slot {slot}, so that it has no random word.",
    "NothingToBurn": "Nobody was silent in slot {slot}.",
    "InviteUsed": "The invite {nonce} to task {task} was used or revoked.",
    "AlreadyCommitted": "{0} has committed already.",
    "NotCommitted": "{0} hasn't committed, or has revealed already.",
    "WrongOpening": "What {0} revealed isn't what it committed to.",
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
    "Insolvent": "The vault would hold {balance:tokens}, less than the {staked:tokens} that are staked.",
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
        if spec == "gwei":
            return format(_Value(int(self._value) * 10**9), "tokens")
        if spec == "stage":
            return Stage(self._value).name.lower()
        return "0x" + self._value.hex() if isinstance(self._value, bytes) else str(self._value)


@lru_cache(maxsize=1)
def _errors() -> dict[bytes, CustomError]:
    return {
        key: error for name in (*CONTRACTS, *LIBRARIES) for key, error in Interface(compiled(name).abi).errors.items()
    }


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
    signature = f"{error.name}({','.join(type_of(parameter) for parameter in error.inputs)})"
    text = SENTENCES.get(signature, SENTENCES.get(error.name))
    if text is None:
        shown = ", ".join(f"{name.rstrip('_')}={value}" for name, value in arguments.items())
        return f"The contract refused: {error.name}({shown})."
    values = {name.strip("_"): _Value(value) for name, value in arguments.items()}
    return text.format(*values.values(), **values)
