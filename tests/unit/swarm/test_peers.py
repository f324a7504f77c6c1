"""What is remembered of sources."""

from __future__ import annotations

import numpy as np

from assay.swarm.peers import MOST, PeerBook


def test_snapshot__after_a_fetch__shows_what_each_source_did() -> None:
    now = [100.0]
    book = PeerBook(clock=lambda: now[0])
    book.good("http://a", 1000, 0.5)
    book.good("http://b", 5000, 0.5)
    book.bad("http://a", "is too slow")
    book.busy("http://a")
    now[0] = 103.0
    best, other = book.snapshot()
    assert best["uri"] == "http://b"
    assert (best["received"], best["bytes_per_second"], best["failures"]) == (5000, 10000, 0)
    assert (other["failures"], other["busy"], other["said"], other["seconds_since"]) == (1, 1, "is too slow", 3.0)


def test_ban__first_reason__stays_and_the_source_is_chosen_no_more() -> None:
    book = PeerBook()
    book.ban("http://a", "sent other bytes")
    book.ban("http://a", "again")
    assert book.banned("http://a") == "sent other bytes"
    assert book.banned("http://b") == ""
    assert book.choose(["http://a", "http://b", "http://b"], 5, np.random.default_rng(0)) == ["http://b"]
    assert book.snapshot()[0]["banned"] == "sent other bytes"


def test_book__more_sources_than_it_remembers__forgets_the_oldest_but_no_ban() -> None:
    book = PeerBook()
    book.ban("http://liar", "lied")
    for k in range(MOST + 10):
        book.good(f"http://{k}", 1, 1.0)
    known = {row["uri"] for row in book.snapshot()}
    assert len(known) == MOST
    assert "http://liar" in known
    assert "http://0" not in known
