"""Disputes at the command line, on a real chain: challenge, appeal, vote, close, and what a clumsy person is told."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from assay.artifact.manifest import Binding, FileEntry, Manifest
from assay.chain.contracts import Contracts
from assay.protocol.hashing import hex32, keccak, sha256
from assay.protocol.sortition import jury_seats_of
from assay.protocol.typed_data import ballot_digest, mark
from assay.swarm.chunks import ChunkStore
from assay.types import MarkKind, Reason, Verdict
from integration.chain.world import (
    BOND,
    CHALLENGE,
    CHECK,
    FEE,
    INITIATOR,
    TRAINERS,
    UNITS,
    VALIDATORS,
    World,
)
from integration.cli.commands import Run, as_json, refusal

pytestmark = pytest.mark.integration
NAMES = ("rollouts.parquet", "trace.json", "update.safetensors")
CHECKPOINT = ("config.json", "momentum.safetensors", "weights.safetensors")
SALT = keccak(b"salt")


def kept(folder: Path, names: tuple[str, ...], binding: Binding | None) -> bytes:
    """Write an artifact of these files, keep it as a node does, and return its root."""
    made = folder / f"made-{len(list(folder.glob('made-*')))}"
    made.mkdir(parents=True)
    entries = []
    for name in names:
        (made / name).write_bytes(name.encode())
        entries.append(FileEntry(name, len(name), (sha256(name.encode()),)))
    manifest = Manifest("submission" if binding else "checkpoint", binding, tuple(entries))
    (made / "manifest.json").write_bytes(manifest.to_json())
    return ChunkStore(folder / "home" / "nodes" / "bob" / "artifacts").add(made)


@dataclass
class Court:
    """A round whose votes are in, with one submission of bob's whose artifact is held here."""

    world: World
    root: bytes
    checkpoint: bytes
    snapshot: str = ""

    @property
    def short(self) -> str:
        return hex32(self.root)[:10]

    def judge(self, vote: int) -> None:
        """Let the jury of case 1 be drawn and say the same; its reveal window is over then."""
        world, c = self.world, self.world.contracts
        times = c.case_times(1)
        world.at(times.draw_at)
        proof = c.word_proof(times.draw_at)
        assert proof is not None
        world.send(INITIATOR, c.summon(1, proof))
        world.follower.poll()
        row = world.store.case(1)
        assert row is not None
        assert row.seed is not None
        place = (world.client.chain_id, c.deployment.court, 1)
        jurors = [who for who in VALIDATORS if jury_seats_of(row.seed, row.line, world.lot(who))]
        for who in jurors:
            digest = ballot_digest(*place, world.address(who), vote, bytes(32), SALT)
            world.send(who, c.commit_ballot(1, digest))
        world.at(times.jury_end)
        for who in jurors:
            world.send(who, c.reveal_ballot(1, vote, bytes(32), SALT))
        world.at(times.ruled_at)


@pytest.fixture(scope="module")
def sealed(new_chain: Any, tmp_path_factory: pytest.TempPathFactory) -> Court:
    """A round with bob's submission whose votes aren't in; made once, and brought back for each test by `chain`."""
    folder = tmp_path_factory.mktemp("sealed")
    chain = new_chain(folder)
    world = World(chain, chain.store())
    world.publish()
    world.at(world.opens(1))
    bob = world.address(TRAINERS[0])
    place = (1, chain.client.chain_id, chain.contracts.deployment.ledger, 1, 1, bob)
    binding = Binding(*place, 0, 0, 0, 1, UNITS, keccak(b"rollouts"), keccak(b"trace"))
    root = kept(folder, NAMES, binding)
    checkpoint = kept(folder, CHECKPOINT, None)
    call = chain.contracts.submit(1, 1, 0, UNITS, root, mark(MarkKind.WORK, SALT, 0, 0), "http://bob")
    world.send(TRAINERS[0], call)
    world.seal(1)
    return Court(world, root, checkpoint, chain.client.rpc("evm_snapshot"))


@pytest.fixture
def chain(sealed: Court, tmp_path: Path) -> Any:
    """The chain of `sealed` as it was, read by a client that remembers nothing of other tests."""
    made = sealed.world.chain
    client = made.net.client(timeout=10)
    assert client.rpc("evm_revert", sealed.snapshot)
    sealed.snapshot = client.rpc("evm_snapshot")
    shutil.copytree(made.folder / "home", tmp_path / "home")
    contracts = Contracts(client, made.contracts.deployment)
    return replace(made, client=client, contracts=contracts, folder=tmp_path)


def voted(chain: Any, sealed: Court, verdicts: dict[Any, Verdict], check: Reason = CHECK) -> Court:
    world = World(chain, chain.store())
    world.check = check
    world.start = sealed.world.start
    world.vote(1, verdicts)
    world.at(world.opens(1) + 132)
    world.send_all([(who, chain.contracts.attest(1, 1, sealed.checkpoint)) for who in VALIDATORS])
    return Court(world, sealed.root, sealed.checkpoint)


@pytest.fixture
def passed(chain: Any, sealed: Court) -> Court:
    return voted(chain, sealed, {})


@pytest.fixture
def refused(chain: Any, sealed: Court) -> Court:
    return voted(chain, sealed, {0: Verdict.INVALID})


@pytest.fixture
def doubted(chain: Any, sealed: Court) -> Court:
    return voted(chain, sealed, {0: Verdict.INVALID}, Reason.SAMPLING)


def bad(court: Court, *more: str) -> tuple[str, ...]:
    return ("case", "challenge", court.short, "--claim", "bad", "--check", "reward", "--leaf", "3", *more)


def test_challenge__dry_run__bond_and_jury_are_shown_and_nothing_is_sent(run: Run, passed: Court) -> None:
    shown = run(*bad(passed, "--as", "carol", "--dry-run"))
    assert "submission 0 of round 1 (bob): reward, leaf 3 is bad" in shown.stdout
    assert "risks 5.00 ASY" in shown.stdout
    assert "a jury costs 0.90 ASY" in shown.stdout
    assert "dry run: nothing was sent" in shown.stdout
    assert passed.world.contracts.cases() == 0


def test_challenge__bad_leaf_upheld__goes_through_all_its_stages(run: Run, passed: Court, chain: Any) -> None:
    carol = passed.world.address(VALIDATORS[0])
    locked = chain.contracts.account(carol).locked
    made = as_json(run(*bad(passed, "--as", "carol", "--yes", "--json")))
    assert (made["case"], made["bond"], made["jury_cost"]) == (1, str(BOND), str(9 * FEE))
    assert chain.contracts.account(carol).locked == locked + BOND
    (row,) = as_json(run("case", "list", "--json"))
    assert (row["stage"], row["claim"], row["check"], row["leaf"], row["trainer"]) == (
        "drawing",
        "bad",
        "reward",
        3,
        "bob",
    )
    assert "challenged for that check already" in refusal(run(*bad(passed, "--as", "bob", "--yes")))
    assert "it can be closed in" in refusal(run("case", "close", "1", "--as", "carol", "--yes"))
    assert "it can be appealed in" in refusal(run("case", "appeal", "1", "--as", "bob", "--yes"))

    passed.judge(1)
    seen = as_json(run("case", "show", "1", "--json"))
    assert (seen["stage"], seen["jury"]["ruling"], seen["jury"]["seats_for"]) == ("appealing", "holds", 9)
    assert 0 < seen["seconds_left"] <= CHALLENGE

    passed.world.at(chain.contracts.case_times(1).appeal_end)
    closed = as_json(run("case", "close", "1", "--as", "carol", "--yes", "--json"))
    assert (closed["ruling"], closed["stage"]) == ("upheld", "closed")
    text = run("case", "show", "1").stdout
    assert "ruling: upheld" in text
    assert "reward, leaf 3 is bad" in text
    assert "case 1 is closed: upheld" in refusal(run("case", "close", "1", "--as", "carol", "--yes"))
    assert run("case", "list", "--open").stdout == "no cases\n"
    as_json(run("round", "finalize", "1", "1", "--as", "carol", "--yes", "--json"))
    as_json(run("round", "resolve", "1", "1", "--as", "carol", "--yes", "--json"))
    won = as_json(run("payouts", "--as", "carol", "--json"))
    assert int(won["from_disputes"]) >= BOND // 2, "half of the liar's bond is the challenger's"
    assert "from disputes and faults shown" in run("payouts", "--as", "carol").stdout


def test_appeal__against_the_jury__vote_of_all_stake_turns_it(run: Run, passed: Court, chain: Any) -> None:
    as_json(run(*bad(passed, "--as", "carol", "--yes", "--json")))
    passed.judge(1)
    assert "wasn't appealed" in refusal(run("case", "vote", "1", "fails", "--as", "carol", "--yes"))
    asked = run("case", "appeal", "1", "--as", "bob", "--dry-run").stdout
    assert "risks 10.00 ASY" in asked
    appealed = as_json(run("case", "appeal", "1", "--as", "bob", "--yes", "--json"))
    assert appealed["bond"] == str(2 * BOND)
    assert "was appealed already, by bob" in refusal(run("case", "appeal", "1", "--as", "carol", "--yes"))
    assert "put to the vote in" in refusal(run("case", "vote", "1", "fails", "--as", "carol", "--yes"))

    passed.world.at(chain.contracts.case_times(1).appeal_end)
    assert "isn't enlisted as a validator" in refusal(run("case", "vote", "1", "fails", "--as", "bob", "--yes"))
    assert "isn't a vote" in refusal(run("case", "vote", "1", "yes", "--as", "carol", "--yes"))
    for name in ("val-2", "val-3"):
        as_json(run("case", "vote", "1", "fails", "--as", name, "--yes", "--json"))
    assert "has voted in case 1 already" in refusal(run("case", "vote", "1", "holds", "--as", "val-2", "--yes"))
    assert "appeal by bob" in run("case", "show", "1").stdout
    passed.world.at(chain.contracts.case_times(1).vote_end)
    assert as_json(run("case", "close", "1", "--as", "alice", "--yes", "--json"))["ruling"] == "rejected"


def test_challenge__good_leaf__takes_check_and_leaf_from_the_refusal(run: Run, refused: Court) -> None:
    assert "was refused already" in refusal(run(*bad(refused, "--as", "carol", "--yes")))
    other = ("case", "challenge", refused.short, "--claim", "good", "--leaf", "7", "--as", "bob", "--yes")
    assert "they named: reward, leaf 2" in refusal(run(*other))
    good = ("case", "challenge", refused.short, "--claim", "good", "--as", "bob", "--yes", "--json")
    made = as_json(run(*good))
    assert (made["check"], made["leaf"], made["claim"]) == ("reward", 2, "good")


def test_challenge__too_little_free_stake__staked_with_one_permit(run: Run, passed: Court, chain: Any) -> None:
    alice = passed.world.address(INITIATOR)
    assert chain.contracts.account(alice).free == 0
    shown = run(*bad(passed, "--as", "alice", "--dry-run")).stdout
    assert "stakes 5.00 of alice's tokens for it first" in shown
    before = chain.client.nonce(alice)
    as_json(run(*bad(passed, "--as", "alice", "--yes", "--json")))
    assert chain.client.nonce(alice) == before + 2
    assert chain.contracts.account(alice).locked == BOND


def test_challenge__bad_leaf_of_doubted_work__is_taken_to_a_jury(run: Run, doubted: Court) -> None:
    command = ("case", "challenge", doubted.short, "--claim", "bad", "--check", "sampling", "--leaf", "2")
    made = as_json(run(*command, "--as", "carol", "--yes", "--json"))
    assert (made["check"], made["leaf"], made["claim"]) == ("sampling", 2, "bad")


def test_challenge__without_the_tokens__refused_with_what_there_is(run: Run, passed: Court, chain: Any) -> None:
    free = chain.contracts.account(passed.world.address(VALIDATORS[2])).free
    passed.world.send(VALIDATORS[2], chain.contracts.unbond(free))
    said = refusal(run(*bad(passed, "--as", "val-3", "--yes")))
    assert said == "val-3 has 0.00 of free stake and 0.00 ASY, and the bond is 5.00"


def test_challenge__window_over__refused_with_how_long_ago(run: Run, passed: Court) -> None:
    passed.world.at(passed.world.opens(1) + 132 + CHALLENGE + 5)
    assert "challenge window of round 1 closed" in refusal(run(*bad(passed, "--as", "carol", "--yes")))


def test_challenge_root__one_chunk__a_case_once_a_round(run: Run, passed: Court, chain: Any) -> None:
    line = ("case", "challenge-root", "1", "1", "--as", "carol")
    assert "has chunks 0 to 3, not 9" in refusal(run(*line, "--chunk", "9", "--yes"))
    assert "chunk 2 is wrong" in run(*line, "--chunk", "2", "--dry-run").stdout
    made = as_json(run(*line, "--chunk", "2", "--yes", "--json"))
    assert (made["case"], made["root"]) == (1, hex32(passed.checkpoint))
    assert "was disputed already" in refusal(run(*line, "--chunk", "1", "--yes"))
    (row,) = as_json(run("case", "list", "--task", "1", "--json"))
    assert (row["claim"], row["leaf"], row["submission"]) == ("root", 2, None)
    passed.world.at(chain.contracts.case_times(1).appeal_end)
    assert "round finalize 1 1 first" in refusal(run("case", "close", "1", "--as", "carol", "--yes"))
    as_json(run("round", "finalize", "1", "1", "--as", "carol", "--yes", "--json"))
    assert as_json(run("case", "close", "1", "--as", "carol", "--yes", "--json"))["ruling"] == "none"


MISTAKES = (
    (("case", "show", "7"), "there is no case 7"),
    (("case", "appeal", "7", "--as", "bob"), "there is no case 7"),
    (("case", "challenge", "0xzz", "--claim", "bad", "--as", "bob"), "isn't a root"),
    (("case", "challenge", "0xabcdef0123", "--claim", "bad", "--as", "bob"), "no submission's root begins with"),
    (("case", "challenge", "0xabcd", "--claim", "maybe", "--as", "bob"), "write bad or good"),
    (("case", "challenge", "0xabcd", "--claim", "bad", "--check", "luck", "--as", "bob"), "there is no check 'luck'"),
    (("case", "challenge-root", "7", "1", "--chunk", "0", "--as", "bob"), "there is no task 7"),
    (("case", "challenge-root", "1", "99", "--chunk", "0", "--as", "bob"), "task 1 has no round 99"),
    (("case", "challenge-root", "1", "2", "--chunk", "0", "--as", "bob"), "can be challenged once its votes are in"),
)


def test_case__typing_errors__one_sentence(run: Run, passed: Court) -> None:
    for line, says in MISTAKES:
        assert says in refusal(run(*line)), line


def test_challenge__artifact_held_and_served_nowhere__unavailable(run: Run, passed: Court, tmp_path: Path) -> None:
    ChunkStore(tmp_path / "home" / "nodes" / "bob" / "artifacts").remove(passed.root)
    result = run(*bad(passed, "--as", "carol", "--yes"))
    assert (result.exit_code, "unavailable: " in result.stderr) == (3, True), result.output


def test_case__nothing_disputed__says_so(run: Run, chain: Any) -> None:
    assert run("case", "list").stdout == "no cases\n"
    assert as_json(run("case", "list", "--json")) == []
