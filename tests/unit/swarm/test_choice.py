"""What is fetched next and from whom."""

from __future__ import annotations

import numpy as np
import pytest

from assay.swarm.choice import Measure, left_to_peers, may_double, next_chunk, preferred, step, turns

MIB = 1 << 20


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mask(*chunks: int, n: int = 8) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found = np.zeros(n, dtype=np.bool_)
    found[list(chunks)] = True
    return found


def test_next_chunk__nothing_may_be_fetched__is_none() -> None:
    assert next_chunk(mask(), np.zeros(8, np.int32), 9, draw()) is None


def test_next_chunk__nobody_beside_us__goes_in_order() -> None:
    assert next_chunk(mask(5, 3, 7), np.zeros(8, np.int32), 9, None) == 3


def test_next_chunk__first_ones__are_random_and_not_the_rarest_alone() -> None:
    holders = np.array([5, 0, 5, 5, 5, 5, 5, 5], np.int32)
    assert len({next_chunk(mask(*range(8)), holders, 0, draw(seed)) for seed in range(60)}) == 8


def test_next_chunk__later_ones__are_the_rarest_that_may_be_fetched() -> None:
    holders = np.array([0, 2, 1, 1, 3, 3, 3, 3], np.int32)
    assert {next_chunk(mask(1, 2, 3, 4), holders, 9, draw(seed)) for seed in range(60)} == {2, 3}


def test_turns__of_all_nodes__give_each_chunk_one_node_of_every_rank() -> None:
    names = [f"http://node{k}" for k in range(8)]
    ranks = np.array([turns(names, name, 4000) for name in names])
    assert (np.sort(ranks, axis=0) == np.arange(8)[:, None]).all()
    assert all(400 < int((row == 0).sum()) < 600 for row in ranks)


def test_turns__a_node_leaves__the_others_only_move_up() -> None:
    names = [f"http://node{k}" for k in range(4)]
    before, after = turns(names, names[0], 1000), turns(names[:3], names[0], 1000)
    assert before is not None
    assert after is not None
    assert set((before - after).tolist()) == {0, 1}


@pytest.mark.parametrize(("names", "me"), [([], "a"), (["a"], "a"), (["a", "b"], "")])
def test_turns__nobody_else_or_no_name__is_none(names: list[str], me: str) -> None:
    assert turns(names, me, 10) is None


def test_step__idle__passes_one_node_over_for_each_time_a_chunk_takes() -> None:
    assert [step(seconds, MIB, MIB) for seconds in (0.0, 1.4, 1.6, 3.1, 4.6)] == [0, 0, 1, 2, 3]
    assert step(6.1, MIB, MIB) > 1 << 20
    assert step(0.3, MIB, 0.0) == 1


def test_left_to_peers__fast_peers__spare_a_loaded_origin() -> None:
    assert left_to_peers(8 * MIB, 40 * MIB, 2 * MIB)
    assert left_to_peers(100 * MIB, 40 * MIB, 25 * MIB)


def test_left_to_peers__none_bring_anything_or_far_too_slowly__asks_the_origin() -> None:
    assert not left_to_peers(8 * MIB, 0.0, 2 * MIB)
    assert not left_to_peers(100 * MIB, 1 * MIB, 50 * MIB)


def test_may_double__chunk_is_young__is_left_to_its_holder() -> None:
    assert not may_double(11.0, {"a": 10.0}, {}, MIB)
    assert may_double(12.5, {"a": 10.0}, {}, MIB)


def test_may_double__holder_is_slow_as_ever__gets_twice_its_time() -> None:
    assert not may_double(17.0, {"a": 10.0}, {"a": MIB / 4}, MIB)
    assert may_double(18.5, {"a": 10.0}, {"a": MIB / 4}, MIB)
    assert not may_double(18.5, {"a": 10.0, "b": 18.0}, {"a": MIB / 4}, MIB)


def test_measure__newer_values__weigh_more_and_failures_cost() -> None:
    one = Measure()
    one.good(MIB, 1.0)
    assert one.weight == MIB
    for _ in range(20):
        one.good(MIB, 0.1)
    assert one.rate == pytest.approx(10 * MIB, rel=0.01)
    before = one.weight
    one.bad()
    assert one.weight < before


def test_preferred__all_fit__keeps_the_order() -> None:
    assert preferred(["b", "a"], {"a": 9.0}, 2, draw()) == ["b", "a"]


def test_preferred__nothing_is_known__keeps_the_first_and_draws_the_rest() -> None:
    names = [f"{k}" for k in range(20)]
    drawn = [preferred(names, {}, 3, draw(seed)) for seed in range(100)]
    assert {one[0] for one in drawn} == {"0"}
    assert {name for one in drawn for name in one} == set(names)
    assert all(one == sorted(one, key=int) for one in drawn)


def test_preferred__more_than_fit__draws_by_weight_and_gives_new_ones_a_chance() -> None:
    names, weights = ["first", "slow", "fast", "new"], {"slow": 1.0, "fast": 1000.0}
    drawn = [preferred(names, weights, 2, draw(seed))[1] for seed in range(300)]
    assert drawn.count("fast") > 150
    assert drawn.count("new") > 60
    assert drawn.count("slow") < 10
