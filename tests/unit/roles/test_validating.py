"""What a validator commits to, and that the reveal opens exactly that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.artifact.folder import write_artifact
from assay.errors import Refused, Unavailable
from assay.protocol.evidence import NONE, round_root
from assay.protocol.hashing import hex32
from assay.protocol.typed_data import attestation_digest
from assay.protocol.votes import Vote, unpack
from assay.roles.actions import Commit, FetchSubmission, Reveal
from assay.roles.secrets import commitment_salt
from assay.roles.validator import act
from assay.store import open_store
from assay.types import Reason, Verdict
from unit.roles.bench import CHAIN_ID, Bench
from unit.roles.story import BOB, CAROL, DAVE, ERIN, MALLORY, TASK, Story

COMMIT, REVEAL = f"{TASK}:1:commit", f"{TASK}:1:reveal"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Three sealed submissions in round 1, in all of which Carol has seats."""
    told = Story(store=open_store(f"sqlite:///{tmp_path}/store.db")).begin()  # jobs read it in their own threads
    for index, who in enumerate((BOB, MALLORY, BOB)):
        told.submit(1, who, index)
    told.seal(1)
    assert all(told.seats(CAROL, index) for index in range(3))
    return told


def found(bench: Bench, index: int, verdict: Verdict, reason: Reason, leaf: int | None, evidence: bytes) -> None:
    json = {"verdict": int(verdict), "reason": int(reason), "leaf": leaf, "evidence": hex32(evidence)}
    bench.store.put_finding(TASK, 1, index, json)


def do(bench: Bench, story: Story, action: Any) -> None:
    act(bench, story.row, story.spec, action)


def committed(bench: Bench) -> tuple[list[Vote], int, bytes]:
    """Return votes, held and evidence from the note, after checking that the commitment is to exactly these."""
    note, row = bench.store.note(TASK, 1, "commitment"), bench.row(COMMIT)
    assert note is not None
    assert row is not None
    votes, held, evidence = bytes.fromhex(note.json["votes"]), int(note.json["held"], 16), note.json["evidence"]
    ledger = bench.deployment.ledger
    salt = commitment_salt(bench.config.signer, CHAIN_ID, ledger, TASK, 1)
    digest = attestation_digest(CHAIN_ID, ledger, TASK, 1, bench.account, votes, held, bytes.fromhex(evidence), salt)
    assert row.data == bench.contracts.commit(TASK, 1, digest).data
    return unpack(votes), held, bytes.fromhex(evidence)


def holding(bench: Bench, story: Story, *indices: int) -> None:
    """Let the artifacts of these submissions be here: `has` asks for the folder of the root."""
    for index in indices:
        row = story.store.submission(TASK, 1, index)
        assert row is not None
        (bench.config.home / "artifacts" / row.root.hex()).mkdir()


def test_commit__findings_of_each_kind__one_vote_each_with_its_seats_and_leaf(bench: Bench, story: Story) -> None:
    holding(bench, story, 0, 1)
    found(bench, 0, Verdict.VALID, Reason.NONE, None, b"\x01" * 32)
    found(bench, 1, Verdict.INVALID, Reason.SAMPLING, 417, b"\x02" * 32)
    do(bench, story, Commit(1))
    votes, held, evidence = committed(bench)
    assert votes == [
        Vote(0, story.seats(CAROL, 0), Verdict.VALID, Reason.NONE, 0),
        Vote(1, story.seats(CAROL, 1), Verdict.INVALID, Reason.SAMPLING, 417),
        Vote(2, story.seats(CAROL, 2), Verdict.UNAVAILABLE, Reason.MISSING, 0),
    ]
    assert held == 0b011
    assert evidence == round_root([(0, b"\x01" * 32), (1, b"\x02" * 32), (2, NONE)])


def test_commit__held_and_not_judged_yet__no_vote_on_it(bench: Bench, story: Story) -> None:
    holding(bench, story, 0, 1, 2)
    found(bench, 1, Verdict.VALID, Reason.NONE, None, bytes(32))
    do(bench, story, Commit(1))
    votes, held, _ = committed(bench)
    assert [vote.index for vote in votes] == [1]
    assert held == 0b111


def test_commit__nothing_judged_and_all_held__commits_nothing(bench: Bench, story: Story) -> None:
    holding(bench, story, 0, 1, 2)
    do(bench, story, Commit(1))
    assert bench.row(COMMIT) is None
    assert bench.store.note(TASK, 1, "commitment") is None


def test_commit__leaf_beyond_16_bits__is_cut_to_the_largest(bench: Bench, story: Story) -> None:
    holding(bench, story, 0, 1, 2)
    found(bench, 0, Verdict.INVALID, Reason.REWARD, 70_000, bytes(32))
    do(bench, story, Commit(1))
    assert [vote.leaf for vote in committed(bench)[0]] == [0xFFFF]


def test_commit__of_another_validator__has_other_seats_and_another_digest(story: Story, tmp_path: Path) -> None:
    made = {who: Bench(tmp_path / who, story, who) for who in ("carol", "dave")}
    for bench in made.values():
        do(bench, story, Commit(1))
        bench.jobs.close()
    carol, dave = (story.store.outbox_row(who, COMMIT) for who in (CAROL, DAVE))
    assert carol is not None
    assert dave is not None
    assert carol.data != dave.data
    assert [story.seats(CAROL, 0) & story.seats(DAVE, 0), story.seats(CAROL, 0) & story.seats(ERIN, 0)] == [0, 0]


def test_reveal__after_a_restart_with_new_findings__opens_what_was_committed(
    bench: Bench, story: Story, tmp_path: Path
) -> None:
    found(bench, 0, Verdict.VALID, Reason.NONE, None, b"\x01" * 32)
    do(bench, story, Commit(1))
    _, held, evidence = committed(bench)
    note = bench.store.note(TASK, 1, "commitment")
    assert note is not None
    again = Bench(tmp_path, story)
    found(again, 0, Verdict.INVALID, Reason.REWARD, 3, b"\x09" * 32)
    do(again, story, Reveal(1))
    salt = commitment_salt(again.config.signer, CHAIN_ID, again.deployment.ledger, TASK, 1)
    votes = bytes.fromhex(note.json["votes"])
    row = again.row(REVEAL)
    assert row is not None
    assert row.data == again.contracts.reveal(TASK, 1, votes, held, evidence, salt).data
    again.jobs.close()


def test_reveal__records_lost__refused_with_a_sentence(bench: Bench, story: Story) -> None:
    with pytest.raises(Refused, match="round 1 of task 7 isn't in this node's records"):
        do(bench, story, Reveal(1))
    assert bench.row(REVEAL) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Refused("too large", Reason.SIZE), Reason.SIZE), (Refused("all lied"), Reason.SCHEMA)],
)
def test_fetch__what_the_root_names_is_bad__is_found_malformed(
    bench: Bench, story: Story, error: Refused, reason: Reason
) -> None:
    bench.fetch_error = error
    do(bench, story, FetchSubmission(1, 1))
    bench.settle()
    finding = bench.store.finding(TASK, 1, 1)
    assert finding is not None
    assert (finding.json["verdict"], finding.json["reason"]) == (Verdict.MALFORMED, reason)
    assert finding.json["message"] == str(error)


@pytest.mark.parametrize("error", [Unavailable("asleep"), Refused("no URI may be used", Reason.MISSING)])
def test_fetch__nobody_can_be_asked_now__is_no_finding_and_is_tried_again(
    bench: Bench, story: Story, error: Exception
) -> None:
    bench.fetch_error = error  # type: ignore[assignment]
    do(bench, story, FetchSubmission(1, 1))
    bench.settle()
    assert bench.store.finding(TASK, 1, 1) is None
    assert bench.jobs.names() == {f"{TASK}:1:fetch:1"}
    do(bench, story, Commit(1))
    assert {(vote.verdict, vote.reason) for vote in committed(bench)[0]} == {(Verdict.UNAVAILABLE, Reason.MISSING)}


def test_fetch__artifact_is_here__nothing_is_found_and_it_is_held(bench: Bench, story: Story, tmp_path: Path) -> None:
    files = {"config.json": b"{}", "weights.safetensors": b"x"}
    root = write_artifact(tmp_path / "made", "checkpoint", None, files).root()
    bench.chunks.add(tmp_path / "made")
    hashes = {"root": hex32(root), "mark": hex32(bytes(32))}
    story("Submitted", round=1, trainer=BOB, index=3, units=9, base=0, uri="http://nowhere", **hashes)
    do(bench, story, FetchSubmission(1, 3))
    bench.settle()
    assert bench.store.finding(TASK, 1, 3) is None
    assert bench.jobs.names() == frozenset()
