from __future__ import annotations

import pytest

from assay.errors import Refused
from assay.protocol import agreement


def test_judged__most_labels_agree__passes_and_names_the_first_other() -> None:
    found = agreement.judged("abbaab", {0: "a", 1: "b", 4: "b"}, [0, 1, 4], 6000)
    assert (found.agreed, found.decided, found.needed, found.passes, found.first_other) == (2, 3, 2, True, 4)
    assert agreement.judged("abbaab", {0: "a", 1: "b", 4: "b"}, [0, 1, 4], 7000).passes is False


def test_judged__more_than_half_undecided__says_nothing() -> None:
    assert agreement.judged("aaaa", {0: "a"}, [0, 1, 2], 6000).passes is None
    assert agreement.judged("aaaa", {}, [], 6000).passes is None


@pytest.mark.parametrize(
    ("theirs", "own", "drawn", "share"),
    [("ab", {5: "a"}, [5], 6000), ("ax", {0: "a"}, [0], 6000), ("ab", {0: "ab"}, [0], 6000), ("ab", {0: "a"}, [0], 0)],
)
def test_judged__bad_input__refused(theirs: str, own: dict[int, str], drawn: list[int], share: int) -> None:
    with pytest.raises(Refused):
        agreement.judged(theirs, own, drawn, share)


def test_odds__48_items_at_two_thirds__honest_pass_and_guesses_dont() -> None:
    assert agreement.odds(48, 6667, 0.85) > 0.998
    assert agreement.odds(48, 6667, 0.5) < 0.02
    assert agreement.odds(4, 10_000, 0.5) == 0.0625


def test_majority__even_or_ahead__label_or_none() -> None:
    assert [agreement.majority(votes) for votes in ("aab", "ab", "bb")] == ["a", None, "b"]
