"""What a validator decides beyond the plain course of a round: the extra draw, laziness, silence, challenges."""

from __future__ import annotations

import pytest

from assay.protocol.corrections import Correction
from assay.protocol.windows import Phase, Schedule
from assay.roles.actions import (
    Action,
    Attest,
    Challenge,
    Check,
    Commit,
    FetchSubmission,
    MakeCheckpoint,
    Resolve,
    ShowSilent,
    VoteExtra,
)
from assay.roles.deciding import Doubt
from assay.roles.deciding_validator import decide_validator
from assay.types import ClaimKind, Reason
from unit.roles.test_deciding import GENESIS, NEXT, seen, view

# reveals end at 1025, votes at 1031, canaries at 1034, challenges at 1041
EXTRA = Schedule(1000, 6, 60, 10, 1, 10, 4, 6, 3, 10, 1)
SILENT = ("0x" + "dd" * 20, 0, 3)
BAD = (1, int(ClaimKind.BAD_LEAF), int(Reason.REWARD), 7)


def decided(now: int, phase: Phase, **changes: object) -> list[Action]:
    changes = {"submissions": 2, "held": frozenset({0, 1}), "opened": frozenset({0, 1}), "sealed": True, **changes}
    return decide_validator(view(now, seen(phase, **changes), schedule=EXTRA))


# --- the extra draw


def test_extra__seats_drawn_and_nothing_found_yet__checks_before_it_votes() -> None:
    assert decided(1026, Phase.EXTRA, extra_seats={1: 4}) == [Check(1, 1)]


def test_extra__everything_found__votes_once() -> None:
    found = {"extra_seats": {1: 4}, "verdicts": frozenset({1})}
    assert decided(1026, Phase.EXTRA, **found) == [VoteExtra(1)]
    assert decided(1026, Phase.EXTRA, **found, done=frozenset({"extra"})) == []


def test_extra__window_about_to_close__votes_with_what_it_has() -> None:
    assert VoteExtra(1) in decided(1028, Phase.EXTRA, extra_seats={0: 1, 1: 4}, verdicts=frozenset({0}))


def test_extra__no_seats_on_what_is_short__nothing_to_do() -> None:
    assert decided(1030, Phase.EXTRA) == []


# --- laziness


def test_lazy__seats_drawn__commits_at_once_and_fetches_nothing() -> None:
    lazy = {"is_lazy": True, "held": frozenset()}
    assert decided(1012, Phase.WORK, **lazy) == []
    assert decided(1012, Phase.COMMIT, seats={0: 1, 1: 2}, **lazy) == [Commit(1)]
    assert decided(1026, Phase.EXTRA, extra_seats={0: 1}, **lazy) == [VoteExtra(1)]


def test_lazy__checkpoint_to_make__fetches_only_what_it_is_made_of() -> None:
    assert decided(1032, Phase.CHALLENGE, is_lazy=True, held=frozenset(), included=(1,)) == [FetchSubmission(1, 1)]


# --- silence


def test_silence__seen_when_the_reveals_are_over__shown_once_and_in_turn() -> None:
    shown = ShowSilent(1, *SILENT)
    assert decided(1025, Phase.EXTRA, silent=(SILENT,)) == [shown]
    assert decided(1026, Phase.EXTRA, silent=(SILENT,), turn=1) == []
    assert decided(1027, Phase.EXTRA, silent=(SILENT,), turn=1) == [shown]
    assert decided(1027, Phase.EXTRA, silent=(SILENT,), done=frozenset({f"silent:{SILENT[0]}"})) == []


# --- challenges


def test_challenge__bad_work_was_passed__only_when_no_canary_can_be_opened_any_more() -> None:
    waiting = {"wrongs": (BAD,), "included": (0,), "done": frozenset({"attest"})}
    assert decided(1033, Phase.CHALLENGE, **waiting) == []
    assert decided(1034, Phase.CHALLENGE, **waiting) == [Challenge(1, *BAD)]
    assert decided(1035, Phase.CHALLENGE, **waiting, turn=1) == []


def test_challenge__doubt__filed_by_one_after_the_other_over_half_a_window() -> None:
    filed = Challenge(1, 0, int(ClaimKind.BAD_LEAF), int(Reason.SAMPLING), 7)
    waiting = {"included": (), "done": frozenset({"attest"})}
    begins = EXTRA.attest_end(1)
    for turn, voters, wait in ((0, 2, 0), (1, 2, EXTRA.challenge // 4), (3, 3, EXTRA.challenge // 2)):
        doubt = Doubt(0, int(Reason.SAMPLING), 7, turn, voters)
        assert filed not in decided(begins + wait - 1, Phase.CHALLENGE, **waiting, doubts=(doubt,))
        assert filed in decided(begins + wait, Phase.CHALLENGE, **waiting, doubts=(doubt,))
        done = waiting["done"] | {f"challenge:0:{int(Reason.SAMPLING)}:7"}
        assert decided(begins + wait, Phase.CHALLENGE, included=(), done=done, doubts=(doubt,)) == []


def test_challenge__sent_before__not_again() -> None:
    done = frozenset({"attest", f"challenge:1:{int(Reason.REWARD)}:7"})
    assert decided(1035, Phase.CHALLENGE, wrongs=(BAD,), included=(0,), done=done) == []


# --- corrections and shares

CHANGE = Correction(1, (0, 1), (0,))


def following(**changes: object) -> list[Action]:
    later = {"submissions": 1, "held": frozenset({0}), "included": (0,), "number": 2, **changes}
    one = seen(Phase.CHALLENGE, **later)
    return decide_validator(view(1095, one, schedule=EXTRA, head=1, head_root=NEXT, held_checkpoints=frozenset({1})))


def test_checkpoint__something_to_correct__made_with_it() -> None:
    assert following(corrections=(CHANGE,)) == [MakeCheckpoint(2, 1, (0,), (CHANGE,))]


def test_checkpoint__correction_needs_what_isnt_here__fetched_first() -> None:
    assert following(corrections=(CHANGE,), missing=((1, 1),)) == [FetchSubmission(1, 1)]


def test_checkpoint__nothing_included__the_head_again_unless_something_is_corrected() -> None:
    assert following(included=()) == [Attest(2, NEXT)]
    assert following(included=(), corrections=(CHANGE,)) == [MakeCheckpoint(2, 1, (), (CHANGE,))]


def test_shares__ready_ones__resolved() -> None:
    assert decide_validator(view(1100, schedule=EXTRA, shares=((1, 0),))) == [Resolve(1, 0)]


@pytest.mark.parametrize("phase", [Phase.EXTRA, Phase.CHALLENGE])
def test_round__before_the_stake_counts__not_served(phase: Phase) -> None:
    one = seen(phase, submissions=1, silent=(SILENT,), wrongs=(BAD,), extra_seats={0: 1})
    assert decide_validator(view(1040, one, schedule=EXTRA, from_round=2, head_root=GENESIS)) == []
