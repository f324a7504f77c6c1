"""A trainer when the votes are in: its canary, its salts, its replay of what was refused, its challenge."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assay.protocol.typed_data import mark
from assay.protocol.windows import Phase, Schedule
from assay.roles import salts
from assay.roles.actions import Action, Challenge, OpenCanary, Replay, Resolve
from assay.roles.deciding import decide_trainer
from assay.roles.disputing import refusals
from assay.roles.secrets import mark_salt
from assay.roles.serving import Pulse, node_app
from assay.roles.trainer import _salt_to_tell
from assay.types import ClaimKind, MarkKind, Reason, Role, Verdict
from unit.roles.bench import Bench
from unit.roles.story import BOB, CAROL, DAVE, ERIN, MALLORY, TASK, VALIDATORS, Story
from unit.roles.test_deciding import seen, view

# votes end at 1025, canaries at 1028, challenges at 1035
SCHEDULE = Schedule(1000, 6, 60, 10, 1, 10, 4, 0, 3, 10, 1)
NAMED = ((0, int(Reason.REWARD), 5), (0, int(Reason.STEP), 1))


def decided(now: int, **changes: object) -> list[Action]:
    return decide_trainer(view(now, seen(Phase.CHALLENGE, submissions=1, **changes), schedule=SCHEDULE))


# --- canaries


def test_canary__votes_are_in__opened_once_and_in_time() -> None:
    assert decided(1025, canary=True) == [OpenCanary(1)]
    assert decided(1025, canary=True, done=frozenset({"canary"})) == []
    assert decided(1028, canary=True) == []


# --- refused work


def test_refused__not_looked_at_again__replayed_before_anything_is_risked() -> None:
    assert decided(1025, refusals=NAMED) == [Replay(1, 0)]
    assert decided(1025, refusals=NAMED, running=frozenset({"replay:0"})) == []
    assert decided(1025, refusals=NAMED, done=frozenset({"replayed:0"})) == []


def test_refused__replay_finds_nothing__every_leaf_that_was_named_is_challenged_once() -> None:
    sound = {"refusals": NAMED, "sound": frozenset({0})}
    both = [Challenge(1, index, int(ClaimKind.GOOD_LEAF), check, leaf) for index, check, leaf in NAMED]
    assert decided(1026, **sound) == both
    assert decided(1026, **sound, done=frozenset({f"challenge:0:{int(Reason.REWARD)}:5"})) == both[1:]
    assert decided(1035, **sound) == []


def test_share__set_aside__resolved_also_after_leaving() -> None:
    assert decide_trainer(view(1100, schedule=SCHEDULE, shares=((1, 0),), until_round=2)) == [Resolve(1, 0)]


def test_refusals__of_own_work__most_seats_first() -> None:
    told = Story().begin()
    for index, who in enumerate((BOB, MALLORY)):
        told.submit(1, who, index)
    told.seal(1)
    for who in VALIDATORS:
        told.reveal(1, who, {0: Verdict.INVALID, 1: Verdict.INVALID}, held=3)
    assert refusals(told.store, told.row, 1, BOB) == ((0, 0, 0),)
    assert refusals(told.store, told.row, 1, CAROL) == ()


def test_refusals__accepted_work__none() -> None:
    told = Story().begin()
    told.submit(1, BOB)
    told.seal(1)
    for who in (CAROL, DAVE, ERIN):
        told.reveal(1, who, {0: Verdict.VALID}, held=1)
    assert refusals(told.store, told.row, 1, BOB) == ()


# --- salts


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path, Story(extra=6).begin(), "bob", Role.TRAINER)
    made.serves(Story())
    return made


def submitted(bench: Bench, kind: MarkKind) -> Story:
    told = Story(store=bench.store, extra=6)
    bench.serves(told)
    salt = mark_salt(bench.config.signer, bench.config.chain_id, bench.deployment.ledger, TASK, 1)
    hashes = {"root": "0x" + "11" * 32, "mark": "0x" + mark(kind, salt, 0, 0).hex()}
    told("Submitted", round=1, trainer=BOB, index=0, units=9, base=0, uri="u", **hashes)
    return told


def asked(bench: Bench, index: int = 0) -> tuple[int, str]:
    app = node_app("t", Pulse("trainer"), salts.router(lambda *place: _salt_to_tell(bench, *place)))
    answer = TestClient(app).get(f"/salts/{TASK}/1/{index}")
    return answer.status_code, answer.text


def test_salt__before_the_last_vote__is_not_told(bench: Bench) -> None:
    told = submitted(bench, MarkKind.WORK)
    bench.now = told.schedule.votes_end(1) - 1
    assert asked(bench)[0] == 404
    bench.now += 1
    code, text = asked(bench)
    assert (code, len(text)) == (200, 66)
    row = bench.store.submission(TASK, 1, 0)
    assert row is not None
    assert salts.is_work(row, bytes.fromhex(text[2:]))


def test_salt__of_a_canary__is_never_told(bench: Bench) -> None:
    told = submitted(bench, MarkKind.CANARY)
    bench.now = told.schedule.challenge_end(1)
    assert asked(bench)[0] == 404


def test_salt__of_another_or_of_nothing__is_not_told(bench: Bench) -> None:
    told = submitted(bench, MarkKind.WORK)
    told.submit(1, MALLORY, 1)
    bench.now = told.schedule.votes_end(1)
    assert [asked(bench, index)[0] for index in (1, 7)] == [404, 404]
