"""Keys in files: made, opened, refused, held by one process only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from eth_keys.datatypes import PublicKey, Signature

from assay.chain import keys
from assay.errors import Refused

FAST = 1 << 10
KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_create__then_load__is_the_same_account_and_signs(tmp_path: Path) -> None:
    made = keys.create(tmp_path, "bob", "secret", FAST)
    signer = keys.load(tmp_path, "bob", "secret")
    assert signer.address == made.address
    digest = bytes(range(32))
    signature = signer.sign_digest(digest)
    public = Signature(signature[:64] + bytes([signature[64] - 27])).recover_public_key_from_msg_hash(digest)
    assert isinstance(public, PublicKey)
    assert public.to_checksum_address() == made.address


def test_import__known_key__gives_its_address_and_a_keystore_others_read(tmp_path: Path) -> None:
    entry = keys.import_key(tmp_path, "alice", KEY, "secret", FAST)
    assert entry == keys.KeyEntry("alice", ALICE)
    text = (tmp_path / "alice.json").read_text()
    assert json.loads(text)["version"] == 3
    assert bytes(Account.decrypt(text, "secret")) == KEY
    assert (tmp_path / "alice.json").stat().st_mode & 0o777 == 0o600
    assert keys.listing(tmp_path) == [entry]


def test_import_file__keystore_made_elsewhere__is_taken_over(tmp_path: Path) -> None:
    other = tmp_path / "UTC--x"
    other.write_text(json.dumps(Account.encrypt(KEY, "theirs", kdf="scrypt", iterations=FAST)))
    assert keys.import_file(tmp_path / "keys", "alice", other, "mine", "theirs").address == ALICE
    with pytest.raises(Refused, match="password"):
        keys.import_file(tmp_path / "keys", "al", other, "mine", "wrong")


def test_create__name_taken__is_refused_and_keeps_the_old_key(tmp_path: Path) -> None:
    keys.import_key(tmp_path, "alice", KEY, "secret", FAST)
    with pytest.raises(Refused, match="already"):
        keys.create(tmp_path, "alice", "secret", FAST)
    assert keys.address_of(tmp_path, "alice") == ALICE


@pytest.mark.parametrize("name", ["", "../x", "A", "a b", "a/b", "a.json", "x" * 41, "-a"])
def test_create__name_that_is_no_name__is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="name"):
        keys.create(tmp_path / "keys", name, "secret", FAST)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), b"\xff" * 32])
def test_import__bytes_that_are_no_key__are_refused_without_showing_them(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(Refused) as caught:
        keys.import_key(tmp_path, "x", key, "secret", FAST)
    assert key.hex()[:8] not in str(caught.value) or not key
    assert list(tmp_path.iterdir()) == []


def test_create__no_password__is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="password"):
        keys.create(tmp_path, "bob", "", FAST)


def test_load__missing_key__names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="assay account new bob"):
        keys.load(tmp_path, "bob", "secret")


def test_load__wrong_password__is_refused_and_frees_the_key(tmp_path: Path) -> None:
    keys.import_key(tmp_path, "alice", KEY, "secret", FAST)
    with pytest.raises(Refused, match="password"):
        keys.load(tmp_path, "alice", "wrong")
    assert keys.load(tmp_path, "alice", "secret").address == ALICE


def test_load__file_that_others_can_read__is_refused(tmp_path: Path) -> None:
    keys.import_key(tmp_path, "alice", KEY, "secret", FAST)
    (tmp_path / "alice.json").chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        keys.load(tmp_path, "alice", "secret")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"address": "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"}'])
def test_load__file_that_is_no_keystore__is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "alice.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Refused):
        keys.load(tmp_path, "alice", "secret")


def test_load__second_process__is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    keys.import_key(tmp_path, "alice", KEY, "secret", FAST)
    program = (
        "import sys, pathlib; from assay.chain import keys\n"
        "signer = keys.load(pathlib.Path(sys.argv[1]), 'alice', 'secret'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Refused, match=f"Process {holder.pid} holds"):
            keys.load(tmp_path, "alice", "secret")
        assert keys.load(tmp_path, "alice", "secret", exclusive=False).address == ALICE
    finally:
        holder.kill()
        holder.communicate()
    assert keys.load(tmp_path, "alice", "secret").address == ALICE


def test_close__held_key__lets_the_next_one_in(tmp_path: Path) -> None:
    keys.import_key(tmp_path, "alice", KEY, "secret", FAST)
    first = keys.load(tmp_path, "alice", "secret")
    with pytest.raises(Refused, match="holds"):
        keys.load(tmp_path, "alice", "secret")
    first.close()
    keys.load(tmp_path, "alice", "secret").close()


def test_repr__of_a_signer__hides_the_key() -> None:
    signer = keys.LocalSigner(KEY)
    assert KEY.hex() not in f"{signer!r} {signer} {vars(signer)}".replace(repr(vars(signer)["_key"]), "")
    assert ALICE in repr(signer)


def test_derive__same_purpose__is_the_same_secret() -> None:
    assert keys.LocalSigner(KEY).derive(b"a") == keys.LocalSigner(KEY).derive(b"a")
    assert keys.LocalSigner(KEY).derive(b"a") != keys.LocalSigner(KEY).derive(b"b")
