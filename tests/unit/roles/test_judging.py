"""How a validator speaks: with the seats of an extra draw, with a fault on purpose, and as a juror."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import Refused
from assay.protocol.evidence import round_root
from assay.protocol.hashing import hex32
from assay.protocol.typed_data import ballot_digest
from assay.protocol.votes import Vote, pack, unpack
from assay.roles.actions import AppealVote, JuryCheck, JuryCommit, JuryReveal, ShowSilent, VoteExtra
from assay.roles.drawing import extra_seats_of, seats_of
from assay.roles.secrets import ballot_salt
from assay.roles.validator import act
from assay.roles.voting import LAZY, REFUSE, votes_of
from assay.store import open_store
from assay.store.rows import CaseRow
from assay.types import ClaimKind, Reason, Verdict
from unit.roles.bench import CHAIN_ID, Bench
from unit.roles.story import BOB, CAROL, DAVE, MALLORY, TASK, Story

EVIDENCE = b"\x07" * 32


@pytest.fixture
def story(tmp_path: Path) -> Story:
    told = Story(store=open_store(f"sqlite:///{tmp_path}/store.db"), extra=6).begin()
    for index, who in enumerate((BOB, MALLORY)):
        told.submit(1, who, index)
    told.seal(1)
    return told


def do(bench: Bench, story: Story, action: Any) -> None:
    act(bench, story.row, story.spec, action)


def found(bench: Bench, index: int, verdict: Verdict, reason: Reason = Reason.NONE, leaf: int | None = None) -> None:
    json = {"verdict": int(verdict), "reason": int(reason), "leaf": leaf, "evidence": hex32(EVIDENCE)}
    bench.store.put_finding(TASK, 1, index, json)


def said(bench: Bench, story: Story, **faults: Any) -> list[tuple[Verdict, int, int]]:
    bench.config = replace(bench.config, **faults)
    votes, _ = votes_of(bench, story.row, 1, seats_of(bench.store, bench.known(), story.row, story.spec, 1))
    return [(vote.verdict, vote.reason, vote.leaf) for vote in votes]


# --- faults on purpose


def test_lazy__nothing_looked_at__says_that_all_is_well(bench: Bench, story: Story) -> None:
    assert said(bench, story, fault=LAZY) == 2 * [(Verdict.VALID, 0, 0)]


def test_lazy__before_its_round__is_honest(bench: Bench, story: Story) -> None:
    found(bench, 0, Verdict.INVALID, Reason.STEP, 1)
    assert said(bench, story, fault=LAZY, fault_from=2)[0] == (Verdict.INVALID, Reason.STEP, 1)


def test_refuse__first_work_of_its_round__says_a_reward_is_wrong_and_nothing_else(bench: Bench, story: Story) -> None:
    for index in (0, 1):
        found(bench, index, Verdict.VALID)
    good, lie = (Verdict.VALID, 0, 0), (Verdict.INVALID, Reason.REWARD, 0)
    assert said(bench, story, fault=REFUSE) == [lie, good]
    assert said(bench, story, fault=REFUSE, fault_from=2) == [good, good]


# --- the extra draw, silence


def test_extra__findings_there__votes_them_with_the_fresh_seats(bench: Bench, story: Story) -> None:
    found(bench, 0, Verdict.INVALID, Reason.STEP, 1)
    do(bench, story, VoteExtra(1))
    seats = extra_seats_of(bench.store, bench.known(), story.row, story.spec, 1)
    row = bench.row(f"{TASK}:1:extra")
    votes, roots = votes_of(bench, story.row, 1, seats)
    assert row is not None
    assert votes == [
        Vote(0, seats[0], Verdict.INVALID, Reason.STEP, 1),
        Vote(1, seats[1], Verdict.UNAVAILABLE, Reason.MISSING),
    ]
    assert row.data == bench.contracts.vote_extra(TASK, 1, _packed(votes), round_root(roots)).data


def _packed(votes: list[Vote]) -> bytes:
    assert unpack(pack(votes)) == votes
    return pack(votes)


def test_silence__seen__shown_under_a_key_of_its_own(bench: Bench, story: Story) -> None:
    do(bench, story, ShowSilent(1, DAVE, 0, 3))
    row = bench.row(f"{TASK}:1:silent:{DAVE}")
    assert row is not None
    assert row.data == bench.contracts.cut_silent(TASK, 1, DAVE, 0, 3).data


# --- a juror


def case(story: Story, claim: ClaimKind = ClaimKind.GOOD_LEAF, check: Reason = Reason.REWARD) -> None:
    with story.store.batch() as batch:
        batch.put(CaseRow(4, TASK, 1, 0, int(claim), int(check), 3, BOB, bytes(32), 1, "", 1_000, 5))


def test_juror__looked_and_committed__opens_exactly_that(bench: Bench, story: Story) -> None:
    case(story)
    bench.store.put_note(TASK, 1, "case:4", {"vote": 1, "evidence": hex32(EVIDENCE)})
    do(bench, story, JuryCommit(4))
    bench.store.put_note(TASK, 1, "case:4", {"vote": 2, "evidence": hex32(bytes(32))})
    do(bench, story, JuryReveal(4))
    salt = ballot_salt(bench.config.signer, CHAIN_ID, bench.deployment.court, 4)
    digest = ballot_digest(CHAIN_ID, bench.deployment.court, 4, CAROL, 1, EVIDENCE, salt)
    committed, opened = bench.row(f"{TASK}:1:ballot:4"), bench.row(f"{TASK}:1:open:4")
    assert committed is not None
    assert opened is not None
    assert committed.data == bench.contracts.commit_ballot(4, digest).data
    assert opened.data == bench.contracts.reveal_ballot(4, 1, EVIDENCE, salt).data


@pytest.mark.parametrize(("claim", "vote"), [(ClaimKind.BAD_LEAF, 1), (ClaimKind.GOOD_LEAF, 2), (ClaimKind.ROOT, 1)])
def test_juror__saw_nothing__takes_it_for_bad(bench: Bench, story: Story, claim: ClaimKind, vote: int) -> None:
    case(story, claim)
    do(bench, story, JuryCommit(4))
    note = bench.store.note(TASK, 1, "ballot:4")
    assert note is not None
    assert note.json["vote"] == vote


def test_juror__ballot_not_in_its_records__can_open_nothing(bench: Bench, story: Story) -> None:
    case(story)
    with pytest.raises(Refused, match="ballot of case 4 isn't in this node's records"):
        do(bench, story, JuryReveal(4))


def test_juror__has_a_finding_already__reads_it_as_a_vote(
    bench: Bench, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    case(story)
    monkeypatch.setattr(bench, "beacon", lambda *_: bytes(32))
    found(bench, 0, Verdict.VALID)
    do(bench, story, JuryCheck(4))
    bench.settle()
    note = bench.store.note(TASK, 1, "case:4")
    assert note is not None
    assert note.json == {"vote": 1, "evidence": hex32(EVIDENCE)}
    do(bench, story, AppealVote(4))
    row = bench.row(f"{TASK}:1:appeal-vote:4")
    assert row is not None
    assert row.data == bench.contracts.vote_appeal(4, 1).data


def test_juror__case_of_another_task__refused(bench: Bench, story: Story) -> None:
    with pytest.raises(Refused, match="no case 9"):
        do(bench, story, JuryCommit(9))
