from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assay.api.app import create_app
from assay.store import Store, open_store
from unit.api.records import ALICE, ASY, BOB, CAROL, DAVE, MALLORY, PERIOD, ROOT, START, TERMS, filled, see

NOW = START + PERIOD + 22


@pytest.fixture
def store() -> Store:
    kept = filled()
    see(kept, NOW)
    return kept


@pytest.fixture
def api(store: Store) -> Iterator[TestClient]:
    with TestClient(create_app(store), raise_server_exceptions=False) as client:
        yield client


def get(api: TestClient, path: str, status: int = 200) -> Any:
    answer = api.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_tasks__one_task__money_as_wei_strings_with_formatted_twin(api: TestClient) -> None:
    page = get(api, "/tasks")
    assert (page["total"], page["next_offset"]) == (1, None)
    assert page["items"][0]["budget"] == {"wei": str(180 * ASY), "formatted": "180.00"}
    assert (page["items"][0]["state"], page["items"][0]["round"]) == ("running", 2)


def test_tasks__filter_by_state__keeps_only_those(api: TestClient) -> None:
    assert get(api, "/tasks?state=refunded")["total"] == 0


def test_task__detail__terms_shares_and_no_wait(api: TestClient) -> None:
    task = get(api, "/tasks/1")
    assert task["terms"]["seat_fee"]["wei"] == str(TERMS["seatFee"])
    assert task["waiting_for"] is None
    shares = {row["account"]: row["share"] for row in task["enlistments"] if row["role"] == "validator"}
    assert shares[CAROL] == pytest.approx(0.5)


def test_task__not_started__says_what_it_waits_for() -> None:
    kept = filled(start=0)
    with TestClient(create_app(kept)) as api:
        assert get(api, "/tasks/1")["waiting_for"] == "the validators' attestation of genesis"
        assert get(api, "/tasks/1/rounds")["items"] == []
        assert get(api, "/tasks/1/rounds/1", 404)["error"] == "notfound"


def test_rounds__opened_ones__phase_and_counts(api: TestClient) -> None:
    first, second = get(api, "/tasks/1/rounds")["items"]
    assert (first["phase"], first["submissions"], first["accepted"], first["refused"]) == ("settled", 2, 1, 1)
    assert (second["phase"], second["accepted"]) == ("challenge", None)
    assert first["burned"]["formatted"] == "9.00"


def test_round__detail__votes_with_reason_and_leaf(api: TestClient) -> None:
    bob, mallory = get(api, "/tasks/1/rounds/1")["items"]
    assert (bob["verdict"], bob["outcome"], bob["why"]) == ("valid", "paid", "")
    assert (mallory["verdict"], mallory["reason"], mallory["leaf"]) == ("invalid", "sampling", 417)
    assert mallory["why"] == "sampling, leaf 417"
    assert {vote["reason"] for vote in mallory["votes"]} == {"sampling"}
    assert sum(mallory["drawn"].values()) == 3


def test_round__not_final__verdict_from_the_reveals(api: TestClient) -> None:
    (bob,) = get(api, "/tasks/1/rounds/2")["items"]
    assert (bob["verdict"], bob["outcome"]) == ("valid", None)


def test_round__not_opened__404_with_a_sentence(api: TestClient) -> None:
    problem = get(api, "/tasks/1/rounds/5", 404)
    assert problem["message"] == "round 5 of task 1 hasn't opened; 2 of 6 have"


def test_submission__by_prefix__found(api: TestClient) -> None:
    assert get(api, "/submissions/0x91c5")["trainer"] == MALLORY
    assert get(api, "/submissions/0x" + ROOT[2, 0].hex())["round"] == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/submissions/0x91", 422),
        ("/submissions/0x91c", 422),
        ("/submissions/zz", 422),
        ("/submissions/0x1234", 404),
        ("/tasks/7", 404),
        ("/tasks/0", 422),
        ("/tasks/x", 422),
        ("/tasks/99999999999999999999999", 422),
        ("/tasks/1/rounds/0", 422),
        ("/tasks?limit=0", 422),
        ("/tasks?limit=501", 422),
        ("/tasks?offset=-1", 422),
        ("/payouts?task=9", 404),
        ("/accounts/bob", 422),
        ("/accounts/0x12/payouts", 422),
        ("/nothing", 404),
    ],
)
def test_bad_requests__each__one_sentence_and_no_trace(api: TestClient, path: str, status: int) -> None:
    problem = get(api, path, status)
    assert set(problem) == {"error", "message"}
    assert problem["message"]
    assert "Traceback" not in problem["message"]


def test_submission__ambiguous_prefix__asks_for_more_digits(api: TestClient, store: Store) -> None:
    from dataclasses import replace

    row = store.submissions(1, 1)[0]
    with store.batch() as batch:
        batch.put(replace(row, index=2, root=b"\x91\xc4" + b"\x01" * 30))
    assert "fits 2 submissions" in get(api, "/submissions/0x91c4", 422)["message"]


def test_payouts__of_carol__claimable_then_promise(api: TestClient) -> None:
    page = get(api, f"/accounts/{CAROL}/payouts")
    assert [(item["round"], item["state"]) for item in page["items"]] == [(1, "claimable"), (2, "pending")]
    assert page["items"][1]["final_in_seconds"] == 4


def test_payouts__zero_pay__always_a_reason(api: TestClient) -> None:
    for item in get(api, "/payouts")["items"]:
        assert item["reason"]
    (one, two) = get(api, f"/accounts/{DAVE}/payouts")["items"]
    assert one["reason"] == two["reason"] == "not drawn"
    assert one["earned"]["wei"] == "0"


def test_payouts__pages__follow_one_another(api: TestClient) -> None:
    first = get(api, "/payouts?limit=3")
    second = get(api, f"/payouts?limit=500&offset={first['next_offset']}")
    assert len(first["items"]) + len(second["items"]) == first["total"]
    assert second["next_offset"] is None


def test_account__bob__earned_claimed_and_enlisted(api: TestClient) -> None:
    account = get(api, f"/accounts/{BOB}")
    assert account["earned"] == account["claimed"]
    assert account["unclaimed"]["wei"] == "0"
    assert account["enlistments"][0]["role"] == "trainer"


def test_account__slashed__stake_is_less(api: TestClient) -> None:
    account = get(api, f"/accounts/{MALLORY}")
    assert account["slashed"]["formatted"] == "10.00"
    assert account["staked"]["formatted"] == "90.00"


def test_account__unknown__zeros(api: TestClient) -> None:
    assert get(api, f"/accounts/{ALICE}")["earned"]["wei"] == "0"


def test_health__followed__ok_and_behind(api: TestClient) -> None:
    health = get(api, "/health")
    assert health["ok"] is True
    assert health["seconds_behind"] == pytest.approx(time.time() - NOW, abs=5)


def test_health__no_block_yet__503() -> None:
    with TestClient(create_app(open_store("sqlite://"))) as api:
        assert get(api, "/health", 503)["ok"] is False


def test_failure__unexpected__500_without_trace(api: TestClient, store: Store) -> None:
    with store.transaction(write=True) as connection:
        connection.exec_driver_sql("DROP TABLE tasks")
    problem = get(api, "/tasks", 500)
    assert problem["error"] == "broken"
    assert "Traceback" not in problem["message"]


def test_openapi__every_route__documented_with_a_model(api: TestClient) -> None:
    paths = get(api, "/openapi.json")["paths"]
    wanted = {
        "/tasks",
        "/tasks/{task}",
        "/tasks/{task}/rounds",
        "/submissions/{root}",
        "/accounts/{account}",
        "/payouts",
    }
    assert wanted <= set(paths)
    for path in wanted:
        assert "$ref" in str(paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"])
