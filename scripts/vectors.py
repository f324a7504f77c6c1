"""Write the golden vectors that hold Python and Solidity to one another: tests/vectors/*.json.

    python scripts/vectors.py            write them
    python scripts/vectors.py --check    exit 1 and name the files that differ from what the code computes now

Every file is one object of lists of flat objects, for `vm.parseJson`: bytes and addresses are hex strings (addresses
checksummed), amounts and other large numbers are strings of decimal digits, small numbers are numbers, lists hold one
of these. Wei, gwei and seconds as in the contracts. Lists that describe rows are parallel: payAccounts[k] has
payAmounts[k].

    spec       valid[json, hash, <Terms>]  refused[error, what, have, needed, sentence, <Terms>]: <Terms> are the
               fields of ITaskMarket.Terms; `error` is the market's, `what` BadTerms' argument, `have` and `needed` the
               arguments of the others, `sentence` what the command line says
    economics  chances[seats, ways, all]  bonds[seats, extra, power, pay, caught, whole, leastPower, leastBond]
    merkle     trees[leaves[], root]  proofs[root, leaf, index, count, proof[]]
    windows    rounds[start, period, work, sealDelay, commitWindow, revealWindow, extraWindow, attestTime,
               challengeWindow, round, opens, workEnd, sealAt, commitEnd, revealEnd, votesEnd, attestEnd, challengeEnd,
               times[], phases[], rounds[]]
    sortition  seeds[chainId, ledger, task, round, prevrandao, audit, beacon]  points[seed, index, seat, line, point]
               lots[seed, index, seats, line, lo, hi, drawn[]]  draws[seed, tag, count, n, leaves[]]
               juries[chainId, ledger (the court), id, word, seed]  quorums[seats, quorum]
               groups[beacon, task, round, trainer, i, seed, seedCount, prompt, member, noiseKey]
    pay        rounds[name[], call[], outcomes[], fromEscrow[], fromStakes[], burned[], returned[]]  shares[the same]:
               `call` is calldata of ITally.settle and ITally.resolve, `returned` the keccak of what they return
    typed_data domains[chainId, ledger, separator]
               attestations[chainId, ledger, task, round, validator, votes, held, evidence, salt, digest, kept]
               ballots[chainId, ledger (the court), id, juror, vote, evidence, salt, digest]
               requests[chainId, ledger (the gateway), account, nonce, deadline, targets[], datas[], digest]
               invites[chainId, ledger (the invites), task, account, nonce, expiry, digest]
               marks[kind, salt, leaf, check, mark]
               votes[packed, indexes[], seats[], verdicts[], reasons[], leaves[]]  entries[trainer, units, base, who]
    header     headers[rlp, hash, parentHash, number, timestamp, prevrandao, extraData, fork]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from assay.protocol import assignment, merkle, sortition, typed_data
from assay.protocol.entries import Entry
from assay.protocol.hashing import hex32, keccak
from assay.protocol.header import encode_header
from assay.protocol.votes import Vote, pack
from assay.types import Verdict
from vector_cases import FORKS, header_fields
from vector_pay import resolve_rows, settle_rows
from vector_terms import economics_vectors, spec_vectors, window_vectors

ROOT = Path(__file__).resolve().parent.parent
LEDGER, VALIDATOR, TRAINER = (str(to_checksum_address(f"0x{keccak(name)[:20].hex()}")) for name in (b"l", b"v", b"t"))

Rows = list[dict[str, Any]]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


# --- merkle


def merkle_vectors() -> dict[str, Rows]:
    trees, proofs = [], []
    for count in (1, 2, 3, 5, 8, 13):
        leaves = [keccak(f"leaf {count} {i}".encode())[: 1 + i * 3] for i in range(count)]
        root = hex32(merkle.root(leaves))
        trees.append({"leaves": [hexed(leaf) for leaf in leaves], "root": root})
        for i in {0, count // 2, count - 1}:
            proof = [hexed(node) for node in merkle.prove(leaves, i)]
            proofs.append({"root": root, "leaf": hexed(leaves[i]), "index": i, "count": count, "proof": proof})
    return {"trees": trees, "proofs": proofs}


# --- sortition


def sortition_vectors() -> dict[str, Rows]:
    seeds, points, lots = [], [], []
    for chain_id, task, r in ((31337, 1, 1), (1, 2**200 + 7, 2**32 - 1), (42161, 77, 65534)):
        randao = keccak(f"randao {task}".encode())
        audit = sortition.audit_seed(chain_id, LEDGER, task, r, randao)
        beacon = sortition.beacon(chain_id, LEDGER, task, r, randao)
        row = {"chainId": chain_id, "ledger": LEDGER, "task": str(task), "round": r, "prevrandao": hexed(randao)}
        seeds.append(row | {"audit": hexed(audit), "beacon": hexed(beacon)})
        for index, seat, line in (
            (0, 0, 1),
            (0, 0, 300 * 10**9),
            (255, 15, 2**64 - 1),
            (256, 3, 10**9 + 7),
            (1, 2, 1000),
        ):
            point = sortition.seat_point(audit, index, seat, line)
            points.append({"seed": hexed(audit), "index": index, "seat": seat, "line": str(line), "point": str(point)})
        for index, seats, line, lo, hi in ((0, 16, 300, 0, 100), (0, 16, 300, 100, 300), (7, 5, 10**11, 0, 10**11)):
            drawn = sortition.seats_of(audit, index, seats, line, sortition.Lot(VALIDATOR, lo, hi, 1))
            where = {"index": index, "seats": seats, "line": str(line), "lo": str(lo), "hi": str(hi)}
            lots.append({"seed": hexed(audit), **where, "drawn": drawn})
    draws = [
        {"seed": hexed(seed), "tag": tag, "count": count, "n": n, "leaves": sortition.draw(seed, tag, count, n)}
        for seed in (keccak(b"draw")[:16], keccak(b"draw"))
        for tag, count, n in (
            ("rollouts", 4, 32),
            ("steps", 1, 8),
            ("chunks", 9, 9),
            ("rollouts", 3, 10**6),
            ("none", 0, 5),
        )
    ]
    juries = []
    for chain_id, case in ((31337, 1), (1, 2**256 - 1)):
        word = keccak(f"word {case}".encode())
        seed = sortition.jury_seed(chain_id, LEDGER, case, word)
        row = {"chainId": chain_id, "ledger": LEDGER, "id": str(case), "word": hexed(word)}
        juries.append(row | {"seed": hexed(seed)})
    quorums = [{"seats": seats, "quorum": sortition.quorum(seats)} for seats in range(1, 17)]
    return {
        "seeds": seeds,
        "points": points,
        "lots": lots,
        "draws": draws,
        "juries": juries,
        "quorums": quorums,
        "groups": group_vectors(),
    }


def group_vectors() -> Rows:
    rows = []
    for task, r, i, seed_count, member in (
        (1, 1, 0, 10**6, 0),
        (1, 1, 1, 10**6, 7),
        (2**64, 65534, 4095, 2**53 - 1, 1023),
    ):
        beacon = keccak(f"beacon {task} {r}".encode())
        seed = assignment.group_seed(beacon, task, r, TRAINER, i)
        rows.append(
            {"beacon": hexed(beacon), "task": str(task), "round": r, "trainer": TRAINER, "i": i, "seed": hexed(seed)}
            | {"seedCount": str(seed_count), "prompt": str(assignment.prompt_seed(seed, seed_count))}
            | {"member": member, "noiseKey": str(assignment.noise_key(seed, member))}
        )
    return rows


# --- pay


def pay_vectors() -> dict[str, Rows]:
    lists = {"rounds": settle_rows(), "shares": resolve_rows()}
    return {name: [{key: [row[key] for row in rows] for key in rows[0]}] for name, rows in lists.items()}


# --- typed data


def typed_data_vectors() -> dict[str, Rows]:
    votes = [
        Vote(0, 0b101, Verdict.VALID),
        Vote(3, 1, Verdict.INVALID, 8, 417),
        Vote(255, 0xFFFF, Verdict.MALFORMED, 255, 65535),
    ]
    domains, attestations = [], []
    for chain_id, task, r, cast, held in ((31337, 1, 1, votes, 2**255 + 9), (1, 2**256 - 1, 2**32 - 1, [], 0)):
        where = {"chainId": chain_id, "ledger": LEDGER}
        domains.append(where | {"separator": hexed(typed_data.domain_separator(chain_id, LEDGER))})
        evidence, salt = keccak(f"evidence {r}".encode()), keccak(f"salt {r}".encode())
        packed = pack(cast)
        digest = typed_data.attestation_digest(chain_id, LEDGER, task, r, VALIDATOR, packed, held, evidence, salt)
        attestations.append(
            where
            | {"task": str(task), "round": r, "validator": VALIDATOR, "votes": hexed(packed), "held": str(held)}
            | {
                "evidence": hexed(evidence),
                "salt": hexed(salt),
                "digest": hexed(digest),
                "kept": str(typed_data.kept(digest)),
            }
        )
    marks = [
        {
            "kind": kind,
            "salt": hexed(salt),
            "leaf": leaf,
            "check": 5,
            "mark": hexed(typed_data.mark(kind, salt, leaf, 5)),
        }
        for kind, salt, leaf in ((1, keccak(b"work"), 0), (2, keccak(b"canary"), 2**32 - 1))
    ]
    packed_votes = {
        "packed": hexed(pack(votes)),
        "indexes": [v.index for v in votes],
        "seats": [v.seats for v in votes],
        "verdicts": [int(v.verdict) for v in votes],
        "reasons": [int(v.reason) for v in votes],
        "leaves": [v.leaf for v in votes],
    }
    entries = [
        {"trainer": TRAINER, "units": units, "base": base, "who": str(Entry(TRAINER, units, base, b"", b"").who)}
        for units, base in ((1, 0), (2048, 5), (2**32 - 1, 65535))
    ]
    return {
        "domains": domains,
        "ballots": ballot_vectors(),
        "requests": request_vectors(),
        "invites": invite_vectors(),
        "attestations": attestations,
        "marks": marks,
        "votes": [packed_votes],
        "entries": entries,
    }


def ballot_vectors() -> Rows:
    rows = []
    for chain_id, case, vote in ((31337, 1, 1), (1, 2**256 - 1, 2)):
        evidence, salt = keccak(f"evidence {case}".encode()), keccak(f"salt {case}".encode())
        digest = typed_data.ballot_digest(chain_id, LEDGER, case, VALIDATOR, vote, evidence, salt)
        what = {"evidence": hexed(evidence), "salt": hexed(salt), "digest": hexed(digest)}
        rows.append({"chainId": chain_id, "ledger": LEDGER, "id": str(case), "juror": VALIDATOR, "vote": vote} | what)
    return rows


def request_vectors() -> Rows:
    rows = []
    for nonce, datas in ((0, [b"\x01\x02\x03\x04"]), (2**256 - 1, []), (7, [bytes(range(100)), b"\xff" * 4])):
        calls = [(TRAINER, data) for data in datas]
        digest = typed_data.request_digest(31337, LEDGER, VALIDATOR, nonce, 1_800_000_000, calls)
        where = {"chainId": 31337, "ledger": LEDGER, "account": VALIDATOR, "nonce": str(nonce)}
        what = {"targets": [TRAINER] * len(calls), "datas": [hexed(data) for data in datas], "digest": hexed(digest)}
        rows.append(where | {"deadline": 1_800_000_000} | what)
    return rows


def invite_vectors() -> Rows:
    rows = []
    for task, nonce in ((1, 0), (2**256 - 1, 2**256 - 1)):
        digest = typed_data.invite_digest(31337, LEDGER, task, VALIDATOR, nonce, 1_800_000_000)
        where = {"chainId": 31337, "ledger": LEDGER, "task": str(task), "account": VALIDATOR, "nonce": str(nonce)}
        rows.append(where | {"expiry": 1_800_000_000, "digest": hexed(digest)})
    return rows


# --- headers


def header_vectors() -> dict[str, Rows]:
    rows = []
    for k, (fork, extra_fields) in enumerate(FORKS):
        for height, extra in ((k, b""), (127 + k, b"\x7f"), (2**40 + k, keccak(b"extra")), (19_000_000 + k, b"e" * 56)):
            block = header_fields(f"{fork} {height}", height, extra, extra_fields)
            rlp = encode_header(block)
            rows.append(
                {"fork": fork, "rlp": hexed(rlp), "hash": hex32(keccak(rlp)), "parentHash": hexed(block["parentHash"])}
                | {"number": str(height), "timestamp": str(block["timestamp"]), "prevrandao": hexed(block["mixHash"])}
                | {"extraData": hexed(extra)}
            )
    return {"headers": rows}


FILES = {
    "spec": spec_vectors,
    "economics": economics_vectors,
    "merkle": merkle_vectors,
    "windows": window_vectors,
    "sortition": sortition_vectors,
    "pay": pay_vectors,
    "typed_data": typed_data_vectors,
    "header": header_vectors,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Write or check the golden vectors.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    parser.add_argument("--folder", type=Path, default=ROOT / "tests" / "vectors")
    options = parser.parse_args()
    stale = []
    for name, build in FILES.items():
        path, text = options.folder / f"{name}.json", json.dumps(build(), indent=1) + "\n"
        if not options.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path))
    if stale:
        print("vectors differ from the code:", *stale, file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
