"""Profiles: strict reading, hashes, the shipped ones, and how a task finds the one that counts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refused, Unavailable
from assay.protocol import profile, templates
from assay.protocol.hashing import keccak
from assay.protocol.profile import Bf16Limits, Float32Limits, Profile
from unit.protocol.example import example

TINY = profile.shipped()["tiny-float32"]


def changed(**fields: Any) -> bytes:
    return rfc8785.dumps({**json.loads(profile.to_json(TINY)), **fields})


def test_shipped__every_one__is_canonical_and_named_by_its_file() -> None:
    assert {"tiny-float32", "tiny-bf16"} <= set(profile.shipped())
    for name, one in profile.shipped().items():
        assert one.name == name and profile.parse(profile.to_json(one)) == one
        assert profile.find(profile.profile_hash(one)) == one
        assert isinstance(one.chunk_limits, Bf16Limits if one.patterns == "bf16" else Float32Limits)


def test_templates__each__names_shipped_profiles_of_its_own_chunks() -> None:
    for name in templates.names():
        rules = templates.blank(name).verification
        assert [profile.of_task(rules, i) for i in range(len(rules.profiles))]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the profile isn't JSON"),
        (b"[]", "the profile isn't of format 1"),
        (b"[" * 4000, "the profile is nested more than 32 deep"),
        (b" " * 17_000, "the profile is larger than 16384 bytes"),
        (changed(format=2), "the profile isn't of format 1"),
        (changed(extra=1), "extra: there is no such field"),
        (changed(margin="1"), "margin: must be a number, not a string"),
        (changed(margin=-1), "margin: -1 must be at least 0 and at most 1000"),
        (changed(patterns="fp8"), "patterns: 'fp8' must be float32 or bf16"),
        (changed(patterns="bf16"), "profile tiny-float32 has the limits of other patterns than bf16"),
        (changed(chunk_limits={"far": 1}), "chunk_limits.far: there is no such field"),
        (changed(chunk_limits=[]), "chunk_limits: must be a table of fields"),
        (changed(worker={}), "worker.mean0: is missing"),
        (changed(name="a b"), "name: 'a b' must be at most 64"),
        (profile.to_json(TINY) + b" ", "the profile isn't canonical JSON (RFC 8785)"),
        (b'{"margin":NaN}', "the profile isn't JSON: NaN isn't a number"),
    ],
)
def test_parse__malformed__is_refused_by_name(data: bytes, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        profile.parse(data)
    assert str(refusal.value).startswith(sentence)


@settings(max_examples=200)
@given(st.integers(0, 2000), st.binary(max_size=8), st.integers(0, 8))
def test_parse__mutated_bytes__are_refused_or_hash_to_another_name(at: int, new: bytes, cut: int) -> None:
    whole = profile.to_json(TINY)
    data = whole[:at] + new + whole[at + cut :]
    try:
        found = profile.parse(data)
    except Refused:
        return
    assert profile.to_json(found) == data and (data == whole) == (keccak(data) == profile.profile_hash(TINY))


def test_learn__a_calibration_of_ones_own__is_found_by_its_hash_only(tmp_path) -> None:
    own = replace(TINY, name="mine")
    with pytest.raises(Unavailable):
        profile.find(profile.profile_hash(own))
    (tmp_path / "mine.json").write_bytes(profile.to_json(own))
    assert profile.learn_folder(tmp_path) == [own]
    assert profile.find(profile.profile_hash(own)) == own


def test_of_task__index_or_chunks_that_do_not_fit__are_refused() -> None:
    tiny = replace(TINY, name="other")
    profile.learn(profile.to_json(tiny))
    rules = replace(example().verification, profiles=(profile.profile_hash(tiny),), chunk=32, top_k=32)
    assert profile.of_task(rules) == tiny and profile.documents(rules) == [profile.to_json(tiny).decode()]
    for bad, index in ((rules, 1), (rules, -1), (replace(rules, chunk=16), 0), (replace(rules, top_k=128), 0)):
        with pytest.raises(Refused):
            profile.of_task(bad, index)


def test_missing__unknown_hash__is_named_and_not_found() -> None:
    rules = replace(example().verification, profiles=(b"\x55" * 32,))
    assert profile.missing(rules) == [b"\x55" * 32] and profile.documents(rules) == []
    with pytest.raises(Unavailable, match="0x55555555"):
        profile.of_task(rules)


def test_to_json__limits_of_other_patterns__are_refused() -> None:
    wrong: Profile = replace(TINY, patterns="bf16")
    with pytest.raises(Refused):
        profile.to_json(wrong)
