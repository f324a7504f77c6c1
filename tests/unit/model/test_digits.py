from __future__ import annotations

import pytest

from assay.errors import Refused
from assay.model.env import registry

ENV = registry.get("digits", {"digits": 6})


def test_prompt__any_seed__asks_for_six_digits_whose_reverse_is_the_target() -> None:
    prompt, target = ENV.prompt(1234), ENV.warm_up_target(1234)
    assert len(prompt) == 7 and max(prompt[:6]) <= 9
    assert target == [*reversed(prompt[:6]), ENV.eos]


def test_prompt__all_seeds_of_four_digits__each_prompt_once() -> None:
    small = registry.get("digits", {"digits": 4})
    assert len({tuple(small.prompt(seed)) for seed in range(10_000)}) == 10_000


def test_held_out__512_items__none_is_a_training_seed_or_prompt() -> None:
    seeds = ENV.held_out(512)
    assert len(set(seeds)) == 512 and min(seeds) >= ENV.training_seeds
    with pytest.raises(Refused, match="holds out"):
        ENV.held_out(10_000)


def test_held_out__first_digits__are_spread() -> None:
    first = [ENV.prompt(seed)[0] for seed in ENV.held_out(512)]
    assert all(25 <= first.count(digit) <= 80 for digit in range(10))


@pytest.mark.parametrize(
    ("change", "reward"),
    [
        (lambda right: right, 1.0),
        (lambda right: right[:-1], 1.0),
        (lambda right: [right[0] ^ 1, *right[1:]], 5 / 6),
        (lambda right: right[:3], 0.5),
        (lambda right: [11], 0.0),
        (lambda right: [], 0.0),
        (lambda right: right[:6] + [0] * 6, 0.5),
        (lambda right: [12, 99, -1], 0.0),
    ],
)
def test_score__answers_of_known_worth__share_of_digits_in_place(change, reward) -> None:  # type: ignore[no-untyped-def]
    assert ENV.score(77, change(ENV.warm_up_target(77))) == pytest.approx(reward)


def test_hash__options_differ__hash_differs() -> None:
    assert registry.environment_hash("digits", {"digits": 6}) == ENV.hash == registry.environment_hash("digits", {})
    assert registry.environment_hash("digits", {"digits": 5}) != ENV.hash
    assert len(ENV.hash) == 32


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("chess", {}, "unknown environment 'chess'"),
        ("digits", {"digits": 60}, "digits must lie"),
        ("digits", {"letters": 3}, "no option 'letters'"),
    ],
)
def test_get__bad_name_or_options__refused(name: str, options: dict[str, int], says: str) -> None:
    with pytest.raises(Refused, match=says):
        registry.get(name, options)


def test_prompt__seed_out_of_range__refused() -> None:
    with pytest.raises(Refused, match="no seed"):
        ENV.prompt(10**6)


def test_describe__tokens__readable_text() -> None:
    assert ENV.describe([4, 8, 1, 10, 1, 8, 4, 11, 99]) == "481=184.?"
