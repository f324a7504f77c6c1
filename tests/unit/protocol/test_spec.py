"""Task specs: reading, refusing, canonical JSON, and the rules between fields."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol.fields import Digest, Listed, Money, Options, Real, Text, Truth, Whole, tokens
from assay.protocol.hashing import keccak
from assay.protocol.sections import GWEI, GWEI64
from assay.protocol.spec import TaskSpec, check, parse_json, parse_toml, spec_hash, terms, to_json, to_toml
from assay.protocol.terms import refusals
from unit.protocol.example import ASY, TOML, example

WORDS = {
    "kind": st.sampled_from(["grpo", "dpo", "sft", "pretrain"]),
    "architecture": st.sampled_from(["llama", "transformers"]),
    "adapter": st.sampled_from(["full", "lora"]),
    "optimizer": st.just("adamw"),
    "name": st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True),
    "tokenizer": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}", fullmatch=True),
}
PRINTABLE = st.text(min_size=1, max_size=64).filter(str.isprintable)


def of_kind(name: str, kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911
    match kind:
        case Whole():
            return st.integers(kind.lo, kind.hi)
        case Real():
            floats = st.floats(kind.lo, kind.hi, exclude_min=kind.lo_open, exclude_max=kind.hi_open)
            return floats.map(lambda x: x + 0.0)
        case Truth():
            return st.booleans()
        case Digest():
            return st.binary(min_size=32, max_size=32)
        case Money():
            return st.integers(kind.lo // kind.step, kind.hi // kind.step).map(lambda n: n * kind.step)
        case Options():
            names = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
            fractions = st.floats(-1e6, 1e6).filter(lambda x: not x.is_integer())
            each = st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | PRINTABLE | fractions
            return st.dictionaries(names, each, max_size=4)
        case Listed():
            each = of_kind(name, kind.kind)
            return st.lists(each, min_size=1, max_size=kind.most, unique=True).map(tuple)
        case Text():
            return WORDS[name]
    raise AssertionError(kind)


def specs(section: type = TaskSpec) -> st.SearchStrategy[Any]:
    hints = get_type_hints(section, include_extras=True)
    parts = {
        f.name: specs(h) if is_dataclass(h := hints[f.name]) else of_kind(f.name, h.__metadata__[0])
        for f in fields(section)
    }
    if section is TaskSpec:
        parts["name"] = PRINTABLE
    return st.builds(section, **parts)


@given(specs())
def test_round_trip__any_spec__survives_toml_and_json(spec: TaskSpec) -> None:
    assert parse_toml(to_toml(spec)) == spec
    assert parse_json(to_json(spec)) == spec


def test_parse_toml__example__has_its_defaults_and_wei() -> None:
    spec = example()

    assert (spec.protocol, spec.outer.lr_4096, spec.model.architecture) == (3, 4096, "llama")
    assert (spec.money.budget, spec.money.price) == (180 * ASY, 4 * ASY // 1000)


def test_spec_hash__is_keccak_of_canonical_json() -> None:
    text = to_json(example())

    assert spec_hash(example()) == keccak(text)
    assert text == rfc8785.dumps(json.loads(text))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("count = 6", "count = 6\nfoo = 1", "rounds.foo: there is no such field"),
        ("[money]", "[cash]\n[money]", "cash: there is no such field"),
        ("count = 6\n", "", "rounds.count: is missing"),
        ("count = 6", "count = true", "rounds.count: must be a whole number, not true or false"),
        ("count = 6", "count = 6.0", "rounds.count: must be a whole number, not a fraction"),
        ("count = 6", 'count = "6"', "rounds.count: must be a whole number, not a string"),
        ("count = 6", "count = 0", "rounds.count: 0 must be from 1 to 65534"),
        ("count = 6", "count = 65535", "rounds.count: 65535 must be from 1 to 65534"),
        ("count = 6", "count = " + "9" * 9000, "the spec isn't TOML"),
        ("count = 6", "count = " + "9" * 4000, "rounds.count: 99"),
        ("lr = 1e-4", "lr = nan", "inner.lr: nan must be above 0 and at most 1"),
        ("lr = 1e-4", "lr = 0", "inner.lr: 0 must be above 0 and at most 1"),
        ("lr = 1e-4", "lr = inf", "inner.lr: inf must be above 0"),
        ("beta1 = 0.9", "beta1 = 1.0", "inner.beta1: 1.0 must be at least 0 and below 1"),
        ("lr = 1e-4", "lr = true", "inner.lr: must be a number"),
        ("lr = 1e-4", "lr = " + "9" * 4000, "inner.lr: 99"),
        ("deterministic = true", "deterministic = 1", "environment.deterministic: must be true or false"),
        (
            'pot = "30.00"',
            "pot = 30",
            'money.pot: write money as a string of tokens with at most 18 decimals, such as "180.00"',
        ),
        ('pot = "30.00"', 'pot = "-1"', "money.pot: write money"),
        ('pot = "30.00"', 'pot = "1e3"', "money.pot: write money"),
        ('pot = "30.00"', 'pot = "0.0000000000000000001"', "money.pot: write money"),
        ('pot = "30.00"', 'pot = "٣"', "money.pot: write money"),
        (
            'bond = "20.00"',
            'bond = "1.0000000001"',
            "money.bond: 1.0000000001 must be a multiple of 0.000000001 tokens",
        ),
        ('kind = "grpo"', 'kind = "ppo"', "kind: 'ppo' must be grpo or dpo"),
        ('kind = "grpo"', 'kind = "grpo"\nprotocol = 1', "protocol: 1 must be from 3 to 3"),
        ('tokenizer = "digits"', 'tokenizer = "a b"', "model.tokenizer: 'a b' must be a tokenizer's name"),
        ("0x" + "44" * 32, "0x44", "verification.profiles[0]: a digest is written"),
        ('["0x' + "44" * 32 + '"]', "[]", "verification.profiles: must be a list of 1 to 8 values"),
        ('["0x' + "44" * 32, '["0x' + "44" * 32 + '", "0x' + "44" * 32, "verification.profiles: names a value twice"),
        ("{digits = 6}", "{digits = []}", "environment.options.digits: must be a whole number"),
        ("{digits = 6}", "{Digits = 6}", "environment.options: 'Digits' must be a name"),
        ("{digits = 6}", "[6]", "environment.options: must be a table"),
        ('name = "Digits, reversed"', 'name = "a\\nb"', "name: 'a\\nb' must be 1 to 64 printable characters"),
        (
            "0x" + "11" * 32,
            "0x" + "11" * 31,
            "environment.hash: a digest is written as 0x and 64 lower-case hex digits",
        ),
    ],
)
def test_parse_toml__one_fault__is_refused_by_name(old: str, new: str, sentence: str) -> None:
    assert old in TOML

    with pytest.raises(Refused) as refusal:
        parse_toml(TOML.replace(old, new, 1))

    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    "text", ["", "= 1", "a = [" * 5000, "\ud800", "x" * 70_000, "rounds = 3" + TOML.split("[environment]")[0]]
)
def test_parse_toml__garbage__is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_toml(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b + b"\n",
        lambda b: b.replace(b":", b": ", 1),
        lambda b: b.replace(b'"count":6', b'"count":6,"count":6'),
        lambda b: b.replace(b'"count":6', b'"count":6.0'),
        lambda b: b.replace(b'"count":6', b'"count":true'),
        lambda b: b.replace(b'"count":6', b'"count":NaN'),
        lambda b: b.replace(b'"lr":0.0001', b'"lr":1e-4'),
        lambda b: b.replace(b'"optimizer":"adamw",', b""),
        lambda b: b.replace(b'"outer":{"lr_4096":4096,"momentum_4096":0},', b""),
        lambda b: b.replace(b'"seats":3', b'"seats":3,"zeal":1'),
        lambda b: b.replace(b'"pot":"30', b'"pot":"030'),
        lambda b: b"[" * 20_000,
        lambda b: b"\xff" + b,
        lambda b: b"",
        lambda b: b"null",
        lambda b: b + b" " * 70_000,
        lambda b: b.replace(b"Digits", b"\\ud800"),
    ],
)
def test_parse_json__not_the_canonical_bytes__is_refused(change: Any) -> None:
    data = to_json(example())
    assert parse_json(data) == example()
    assert change(data) != data

    with pytest.raises(Refused):
        parse_json(change(data))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_parse_json__any_bytes__are_refused_and_never_crash(data: bytes) -> None:
    with pytest.raises(Refused):
        parse_json(data)


@pytest.mark.parametrize(
    ("section", "change", "sentence"),
    [
        (
            "rounds",
            {"period": 20},
            "rounds.period: 20 is too small: work 11 + seal_delay 1 + commit 10 + reveal 3 + extra 0 + attest 3 = 28 s"
            " must be ≤ staleness 1 × period; raise it to 28",
        ),
        ("rounds", {"work": 29}, "rounds.work: 29 s is too long: it must be ≤ period 28"),
        (
            "rounds",
            {"challenge": 5},
            "rounds.challenge: 5 is too small: canaries are opened in the 3 s of attest, and as long again must be"
            " left; raise it to 6",
        ),
        (
            "rounds",
            {"challenge": 200},
            "rounds.period: 28 is too small: work 11 + seal_delay 1 + commit 10 + reveal 3 + extra 0 + challenge 200"
            " = 225 s must be ≤ 8 × period; raise it to 29",
        ),
        (
            "rounds",
            {"challenge": 186},
            "rounds.period: 28 is too small: a round of 211 s and a court of 210 s must be ≤ 15 × period;"
            " raise it to 29",
        ),
        (
            "money",
            {"bond": 18 * ASY - GWEI},
            "money.bond: 17.999999999 is too small: it must be ≥ 18 × seat_fee 1.00, two juries; raise it to 18.00",
        ),
        (
            "money",
            {"bond": 8_192 * ASY // 1000 - GWEI, "seat_fee": 0},
            "money.bond: 8.191999999 is too small: cheating for 8.192 must be a loss with 3 seats and power 9000;"
            " raise it to 8.192",
        ),
        (
            "money",
            {"price": 10**19, "max_units": 14_000_000, "pot": 2**87 - 1, "budget": 2**90, "bond": GWEI64, "power": 200},
            "money.power: 200 is too small: no bond makes cheating for 140000000.00 a loss with 3 seats;"
            " raise it to 202",
        ),
        (
            "money",
            {"price": 2**64 - 1, "max_units": 2**32 - 1},
            "money.price: 18.446744073709551615 is too large: no bond makes cheating for 79228162495.81",
        ),
        (
            "money",
            {"cut": 7 * ASY},
            "money.min_stake: 300.00 is too small: its sixteenth must be ≥ seats 3 × cut 7.00; raise it to 336.00,"
            " or lower cut to 6.25",
        ),
        (
            "money",
            {"cut": 0},
            "money.cut: 0.00 is too small: where there are canaries, passing one must cost something;"
            " raise it to 0.000000001",
        ),
        (
            "money",
            {"pot": 11 * ASY},
            "money.pot: 11.00 is too small: max_units 2048 × price 0.004 + seats 3 × seat_fee 1.00 + canary_fee 2.00"
            " = 13.192; raise it to 13.192",
        ),
        (
            "money",
            {"budget": 180 * ASY - 1},
            "money.budget: 179.999999999999999999 is too small: 6 rounds × pot 30.00 = 180.00; raise it to 180.00",
        ),
        (
            "money",
            {"max_units": 2047},
            "money.max_units: 2047 is too small: groups 32 × group_size 8 × max_new_tokens 8 = 2048; raise it to 2048",
        ),
        (
            "verification",
            {"groups": 33},
            "verification.groups: 33 drawn groups are too many: they must be ≤ rollout.groups 32",
        ),
    ],
)
def test_check__numbers_that_do_not_fit__are_refused_by_name(
    section: str, change: dict[str, int], sentence: str
) -> None:
    spec = example()
    check(spec)

    with pytest.raises(Refused) as refusal:
        check(replace(spec, **{section: replace(getattr(spec, section), **change)}))

    assert str(refusal.value).startswith(sentence)


def test_check__one_seat__is_refused_though_no_file_can_say_it() -> None:
    spec = example()

    with pytest.raises(Refused, match=r"money\.seats: 1 is too small: a quorum needs two different voters"):
        check(replace(spec, money=replace(spec.money, seats=1)))


def test_check__extra_draw__counts_everywhere() -> None:
    spec = example()
    rounds = replace(spec.rounds, extra=5, period=33)
    check(replace(spec, rounds=rounds))

    with pytest.raises(Refused, match=r"extra 5 \+ attest 3 = 33 s must be ≤ staleness 1 × period; raise it to 33"):
        check(replace(spec, rounds=replace(rounds, period=32)))
    with pytest.raises(Refused, match=r"a loss with 3 seats and an extra draw and power 9000; raise it to 16.7936"):
        check(replace(spec, rounds=rounds, money=replace(spec.money, bond=10 * ASY, seat_fee=0)))
    with pytest.raises(Refused, match=r"seats 3 × 2 × seat_fee 1.00 \+ canary_fee 2.00 = 16.192"):
        check(replace(spec, rounds=rounds, money=replace(spec.money, pot=15 * ASY)))


@pytest.mark.parametrize(("unbonding", "sentence"), [(78, "lower it to 9"), (77, "lower it to 9"), (60, "all windows")])
def test_check__unbonding_too_short__names_the_challenge_window(unbonding: int, sentence: str) -> None:
    spec = example()
    check(spec, unbonding=79)

    with pytest.raises(Refused, match=rf"rounds\.challenge: 10 s is too long: .* {unbonding} s .*; {sentence}"):
        check(spec, unbonding=unbonding)


def test_refusals__raised_to_what_they_name__are_gone() -> None:
    spec = example()
    poor = replace(
        spec,
        rounds=replace(spec.rounds, period=20, challenge=5),
        money=replace(spec.money, bond=ASY, pot=ASY, budget=ASY, cut=100 * ASY),
    )
    fields = []

    for _ in range(9):
        refusal = next(refusals(poor), None)
        if refusal is None:
            break
        section, name = refusal.field.split(".")
        fields.append(name)
        poor = replace(poor, **{section: replace(getattr(poor, section), **{name: refusal.to})})

    assert fields == ["period", "challenge", "bond", "min_stake", "pot", "budget"]
    check(poor)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("rounds", {"challenge": 185}),
        ("rounds", {"challenge": 6}),
        ("money", {"pot": 13_192 * 10**15}),
        ("money", {"bond": 18 * ASY}),
        ("money", {"bond": 8_192 * ASY // 1000, "seat_fee": 0, "canary_fee": 0}),
        ("money", {"cut": 25 * ASY // 4}),
        ("money", {"cut": GWEI}),
        ("money", {"canary_fee": 3 * ASY, "pot": 14_192 * 10**15}),
        ("money", {"cut": 0, "canary_rate": 0}),
        ("verification", {"groups": 32}),
    ],
)
def test_check__numbers_on_the_edge__pass(section: str, change: dict[str, int]) -> None:
    spec = example()

    check(replace(spec, **{section: replace(getattr(spec, section), **change)}))


def test_terms__example__has_the_contracts_fields() -> None:
    found = terms(example())

    assert found["specHash"] == spec_hash(example())
    assert found["genesis"] == b"\x22" * 32
    assert (found["rounds"], found["sealDelay"], found["challengeWindow"]) == (6, 1, 10)
    assert (found["pot"], found["maxUnits"]) == (30 * ASY, 2048)
    assert (found["extraWindow"], found["isPrivate"]) == (0, False)
    assert (found["cut"], found["canaryFee"], found["canaryRate"], found["power"]) == (5 * ASY, 2 * ASY, 1000, 9000)
    assert len(found) == 27


@pytest.mark.parametrize(
    ("wei", "text"), [(0, "0.00"), (1, "0.000000000000000001"), (180 * ASY, "180.00"), (ASY // 2, "0.50")]
)
def test_tokens__wei__is_written_exactly(wei: int, text: str) -> None:
    assert tokens(wei) == text


@pytest.mark.parametrize("read", [lambda text: parse_toml("x = " + text), lambda text: parse_json(text.encode())])
def test_spec__nested_deeper_than_the_stack__is_refused_and_the_process_lives(read) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # what py_ecc does to every process that imports web3
    try:
        with pytest.raises(Refused, match="nested"):
            read("[" * 60_000)
    finally:
        sys.setrecursionlimit(limit)
