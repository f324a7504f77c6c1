"""When a validator's evidence is served and when it goes: never before the votes are over, never for long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from assay.artifact import evidence as evidence_file
from assay.errors import Refused, Unavailable
from assay.protocol import toploc
from assay.protocol.evidence import NONE, Place, round_root, submission_root
from assay.protocol.hashing import hex32, keccak
from assay.protocol.votes import unpack
from assay.roles import claims, showing
from assay.roles.actions import Commit, DropEvidence, ShowEvidence
from assay.roles.claims import Claim, Said
from assay.roles.deciding_validator import decide_validator
from assay.roles.serving import Pulse, Server, node_app
from assay.roles.validator import act
from assay.store import open_store
from assay.store.rows import CaseRow
from assay.swarm import names
from assay.swarm.server import router
from assay.types import Reason, Role, Verdict
from unit.roles.bench import ADDRESS, CHAIN_ID, Bench
from unit.roles.story import BOB, CAROL, MALLORY, TASK, Story, known

SIZE = toploc.proof_bytes(128)
MINE = (b"\x01" * SIZE, b"\x02" * SIZE)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    told = Story(store=open_store(f"sqlite:///{tmp_path}/store.db")).begin()
    for index, who in enumerate((BOB, MALLORY)):
        told.submit(1, who, index)
    told.seal(1)
    return told


def looked(bench: Bench, story: Story) -> bytes:
    """Find submission 0 good, with fingerprints, and 1 bad without; commit. Returns what was committed as evidence."""
    row = story.store.submission(TASK, 1, 0)
    assert row is not None
    root = submission_root(Place(CHAIN_ID, ADDRESS, TASK, 1, row.root, CAROL), MINE)
    draft = showing.draft(bench, TASK, 1, 0)
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(b"".join(MINE))
    showing.keep(bench, TASK, 1, 0)
    assert not draft.exists()
    for index, verdict, reason, shown in ((0, Verdict.VALID, 0, root), (1, Verdict.INVALID, Reason.REWARD, NONE)):
        found = {"verdict": int(verdict), "reason": int(reason), "leaf": None, "evidence": hex32(shown)}
        bench.store.put_finding(TASK, 1, index, found)
    act(bench, story.row, story.spec, Commit(1))
    note = bench.store.note(TASK, 1, "commitment")
    assert note is not None
    assert len(unpack(bytes.fromhex(note.json["votes"]))) == 2
    return bytes.fromhex(note.json["evidence"])


def decided(bench: Bench, story: Story, now: int) -> list[object]:
    view = story.view(now, known(CAROL))
    return [one for one in decide_validator(view) if isinstance(one, ShowEvidence | DropEvidence)]


def test_evidence__through_a_round__shown_when_votes_are_over_and_dropped_after_the_challenges(
    bench: Bench, story: Story
) -> None:
    name, clock = looked(bench, story), story.schedule
    assert name == round_root([(0, name_of(bench)), (1, NONE)])
    assert [decided(bench, story, at) for at in (clock.seal_at(1), clock.votes_end(1) - 1)] == [[], []]
    assert bench.chunks.roots() == [] and bench.names.get(name) is None
    assert decided(bench, story, clock.votes_end(1)) == [ShowEvidence(1)]
    act(bench, story.row, story.spec, ShowEvidence(1))
    bench.settle()
    root = bench.names.get(name)
    assert root is not None
    served = evidence_file.read(bench.chunks.folder(root), 1 << 20)
    assert [len(entry.fingerprints) for entry in served.entries] == [2, 0]
    assert decided(bench, story, clock.votes_end(1)) == []
    assert decided(bench, story, clock.challenge_end(1)) == [DropEvidence(1)]
    act(bench, story.row, story.spec, DropEvidence(1))
    assert bench.chunks.roots() == [] and bench.names.get(name) is None
    assert list((bench.config.home / "evidence").iterdir()) == []
    assert decided(bench, story, clock.challenge_end(1)) == []


def test_sweep__task_that_ended_while_the_node_was_away__keeps_nothing_of_it(bench: Bench, story: Story) -> None:
    looked(bench, story)
    showing.sweep(bench)
    assert list((bench.config.home / "evidence").iterdir())
    story("TaskRefunded", amount=0)
    assert story.row.state == "refunded"
    showing.sweep(bench)
    assert list((bench.config.home / "evidence").iterdir()) == []


def test_evidence__nothing_committed__nothing_is_served_and_it_is_asked_for_once(bench: Bench, story: Story) -> None:
    draft = showing.draft(bench, TASK, 1, 0)
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(MINE[0])
    showing.keep(bench, TASK, 1, 0)
    act(bench, story.row, story.spec, ShowEvidence(1))
    bench.settle()
    assert bench.chunks.roots() == []
    assert decided(bench, story, story.schedule.votes_end(1)) == []


def name_of(bench: Bench) -> bytes:
    finding = bench.store.finding(TASK, 1, 0)
    assert finding is not None
    return bytes.fromhex(finding.json["evidence"][2:])


def test_evidence__case_open__stays_until_it_is_ruled_on(bench: Bench, story: Story) -> None:
    looked(bench, story)
    case = CaseRow(4, TASK, 1, 0, 1, int(Reason.SAMPLING), 3, BOB, bytes(32), 1, "", 1_000, 5)
    with story.store.batch() as batch:
        batch.put(case)
    after = story.schedule.challenge_end(1)
    assert decided(bench, story, after) == []
    with story.store.batch() as batch:
        batch.put(replace(case, ruling=1))
    assert decided(bench, story, after) == [DropEvidence(1)]


def test_ballot__opened__is_served_under_the_submissions_own_root(bench: Bench, story: Story) -> None:
    looked(bench, story)
    showing.show_ballot(bench, story.row, story.spec, 1, 0, name_of(bench))
    root = bench.names.get(name_of(bench))
    assert root is not None
    (entry,) = evidence_file.read(bench.chunks.folder(root), 1 << 20).entries
    assert (entry.index, entry.fingerprints) == (0, MINE)
    showing.show_ballot(bench, story.row, story.spec, 1, 1, NONE)
    assert len(bench.chunks.roots()) == 1


# --- fetched by name


def test_fetch__over_http__what_gives_the_evidence_on_chain_is_taken(
    bench: Bench, story: Story, tmp_path: Path
) -> None:
    name = looked(bench, story)
    act(bench, story.row, story.spec, ShowEvidence(1))
    bench.settle()
    server = Server(node_app("v", Pulse("v"), router(bench.chunks), names.router(bench.names)), "127.0.0.1", 0)
    server.start()
    try:
        story("Enlisted", account=CAROL, role=int(Role.VALIDATOR), amount=1, fromRound=1, uri=server.url)
        reader = Bench(tmp_path / "reader", story, "bob")
        reader.config = replace(reader.config, allow_private=True)
        said = (Said(0, "VALID", True), Said(1, "INVALID (reward)", False))
        claim = Claim(CAROL, "reveal", name, said)
        claims.fetch(reader, story.row, claim, 1 << 20)
        assert claim.why == "" and claim.entry(0).fingerprints == MINE  # type: ignore[union-attr]
        other = Claim(CAROL, "reveal", name, said[:1])  # the chain says that it voted on one submission only
        claims.fetch(reader, story.row, other, 1 << 20)
        assert other.served is None and "doesn't give" in other.why
        unknown = Claim(CAROL, "reveal", keccak(b""), said)
        claims.fetch(reader, story.row, unknown, 1 << 20)
        assert unknown.served is None and "404" in unknown.why
        assert httpx.get(f"{server.url}/n/0x12").status_code == 404
        with pytest.raises(Refused):
            names.ask(name, server.url)  # a private address, and nobody said that it may be used
        with pytest.raises(Unavailable):
            names.ask(keccak(b"x"), server.url, allow_private=True)
        reader.jobs.close()
    finally:
        server.stop()


def test_names__damaged__are_no_names(tmp_path: Path) -> None:
    store = names.NameStore(tmp_path)
    store.put(b"\1" * 32, b"\2" * 32)
    assert store.get(b"\1" * 32) == b"\2" * 32
    (tmp_path / hex32(b"\1" * 32)).write_text("0x12")
    assert store.get(b"\1" * 32) is None
    store.remove(b"\1" * 32)
    store.remove(b"\1" * 32)
    assert store.get(b"\1" * 32) is None
