"""Evidence against a prefill of one's own: honest ones pass, others are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.protocol.evidence import Place, submission_root
from assay.protocol.galois import PRIME
from assay.protocol.profile import documents
from assay.protocol.spec import to_json
from assay.protocol.toploc import proof_bytes
from assay.verify.audit import fingerprints, place_of, prefill
from assay.verify.check import check_json, check_submission, context_to_json
from assay.verify.evidence import chunks_of, compare_json, worst_of
from assay.verify.toploc import fingerprint

CAROL, DAVE = "0x" + "c1" * 20, "0x" + "d2" * 20


def random_ones(count: int, size: int) -> list[bytes]:
    """Return well-formed fingerprints of nothing."""
    rng = np.random.default_rng(1)
    words = rng.integers(0, PRIME, (count, size // 2)).astype(">u2")
    words[:, 0] = PRIME
    return [row.tobytes() for row in words]


def args_of(honest, **more: object) -> dict[str, object]:
    return {
        "folder": str(honest.folder), "checkpoint_folder": str(honest.base), "spec": to_json(honest.spec).decode(),
        "profiles": documents(honest.spec.verification), "context": context_to_json(honest.context),
        "openings": str(honest.openings), **more,
    }  # fmt: skip


def test_check__two_validators__have_the_same_fingerprints_and_other_evidence(honest, tmp_path: Path) -> None:
    found = {}
    for who in (CAROL, DAVE):
        file = tmp_path / who
        found[who] = check_json(args_of(honest, validator=who, evidence=str(file)))["evidence"], file.read_bytes()
    assert found[CAROL][0] != found[DAVE][0]
    assert found[CAROL][1] == found[DAVE][1]
    size = proof_bytes(honest.spec.verification.top_k)
    held = found[CAROL][1]
    cut = [held[at : at + size] for at in range(0, len(held), size)]
    at = honest.context
    place = Place(at.chain_id, at.ledger, at.task, at.round, at.root, CAROL)
    assert "0x" + submission_root(place, cut).hex() == found[CAROL][0]


def test_check__refused_before_the_prefill__writes_no_fingerprint(honest, tmp_path: Path) -> None:
    file = tmp_path / "none"
    found = check_json(args_of(honest.forged(units=1), evidence=str(file)))
    assert found["evidence"] == "0x" + "00" * 32
    assert not file.exists()


def test_fingerprints__hidden_layer__are_not_those_that_the_trainer_published(honest) -> None:
    case = honest.case()
    audit = prefill(case)
    published = fingerprint(audit.hidden, case.rollouts.lengths[audit.rows], case.profile)
    assert not {one for row in published for one in row} & set(fingerprints(case, audit))
    assert check_submission(honest.folder, honest.base, honest.spec, honest.context, validator=CAROL).evidence == (
        submission_root(place_of(case, CAROL), fingerprints(case, audit))
    )


def test_compare__own_other_batch_and_noise__within_and_beyond(honest) -> None:
    case = honest.case()
    audit = prefill(case)
    own, mine = chunks_of(case, audit), fingerprints(case, audit)
    assert all(value == 0 for _, value, _ in worst_of(own, mine, case.profile)[1])
    exact = audit.watch.hidden
    audit.watch.hidden = exact * (1 + 1e-6 * torch.randn_like(exact).clamp(-1, 1))  # as another kernel has it
    _, lines = worst_of(own, fingerprints(case, audit), case.profile)
    assert all(value <= threshold for _, value, threshold in lines) and any(value > 0 for _, value, _ in lines)
    audit.watch.hidden = 1.01 * exact
    _, lines = worst_of(own, fingerprints(case, audit), case.profile)
    assert any(value > threshold for _, value, threshold in lines)


def test_compare__published_proofs_as_evidence__are_made_up(honest) -> None:
    case = honest.case()
    audit = prefill(case)
    audit.watch.hidden, audit.watch.prompts = audit.hidden, audit.prompts
    _, lines = worst_of(chunks_of(case, prefill(case)), fingerprints(case, audit), case.profile)
    assert any(value > threshold for _, value, threshold in lines)


def test_compare__too_few_or_malformed__refused_with_the_leaf(honest) -> None:
    case = honest.case()
    audit = prefill(case)
    own, mine = chunks_of(case, audit), fingerprints(case, audit)
    with pytest.raises(Refused, match="need"):
        worst_of(own, mine[:-1], case.profile)
    with pytest.raises(Refused) as refused:
        worst_of(own, [*mine[:2], b"\xff" * len(mine[2]), *mine[3:]], case.profile)
    assert refused.value.leaf == 2


def test_compare_json__one_prefill__judges_every_claim(honest, tmp_path: Path) -> None:
    case = honest.case()
    mine = fingerprints(case, prefill(case))
    size = len(mine[0])
    made = random_ones(len(mine), size)
    (tmp_path / "held").write_bytes(b"skip" + b"".join([*mine, *made]))
    claims = [
        {"file": str(tmp_path / "held"), "offset": at, "count": count, "size": size, "out": str(tmp_path / name)}
        for at, count, name in (
            (4, len(mine), "right"),
            (4 + size * len(mine), len(mine), "made"),
            (4, len(mine) - 1, "short"),
        )
    ]
    told = compare_json(args_of(honest, claims=claims))
    right, wrong, short = told["claims"]
    assert told["layer"] == 0
    assert right["why"] is None and all(value <= limit for _, value, limit in right["lines"])
    assert wrong["why"] is None and any(value > 10 * limit for _, value, limit in wrong["lines"])
    assert "need" in short["why"] and short["due"] == len(mine)
    tokens, hidden = wrong["shape"]
    assert (tmp_path / "made").stat().st_size == 4 * tokens * hidden
