"""Keys in encrypted files (keystore v3), one file each, readable by their owner only.

One process at a time may hold a key: two would give out the same nonce twice. The password comes from the caller.
Doesn't protect a key whose password lies beside it, nor against whoever can read this process's memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eth_account import Account
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address

from assay.errors import Refused, Unavailable
from assay.types import Signer

SCRYPT_N = 1 << 18
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class HeldSigner(Signer, Protocol):
    """A signer that holds its key's lock until it is closed."""

    def close(self) -> None: ...


class LocalSigner:
    """A key in this process's memory. Never shows itself."""

    def __init__(self, key: bytes, lock: int | None = None) -> None:
        self._key = PrivateKey(key)
        self._lock = lock
        self._address = str(self._key.public_key.to_checksum_address())

    @property
    def address(self) -> str:
        return self._address

    def sign_digest(self, digest: bytes) -> bytes:
        """Return r ‖ s ‖ v (27 or 28) of a 32-byte digest."""
        signature = self._key.sign_msg_hash(digest)
        return bytes(signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([27 + signature.v]))

    def derive(self, purpose: bytes) -> bytes:
        """Return 32 secret bytes that only this key can make again: for salts that must survive a lost database."""
        return hmac.new(self._key.to_bytes(), purpose, hashlib.sha256).digest()

    def close(self) -> None:
        """Give the key back to other processes."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __repr__(self) -> str:
        return f"LocalSigner({self._address})"

    def __reduce__(self) -> Any:
        raise TypeError("a key isn't to be copied")


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key file by its name; the address is public."""

    name: str
    address: str


def create(folder: Path, name: str, password: str, scrypt_n: int = SCRYPT_N) -> KeyEntry:
    """Make a new key and write its file.

    Raises:
        Refused: bad name, no password, or the name is taken.
    """
    return _write(folder, name, os.urandom(32), password, scrypt_n)


def import_key(folder: Path, name: str, key: bytes, password: str, scrypt_n: int = SCRYPT_N) -> KeyEntry:
    """Write the file of a key that exists; `key` is its 32 bytes. Raises like `create`."""
    return _write(folder, name, key, password, scrypt_n)


def import_file(folder: Path, name: str, file: Path, password: str, file_password: str) -> KeyEntry:
    """Take over a keystore file made elsewhere. Raises `Refused` when it can't be opened."""
    return _write(folder, name, _decrypt(file, file_password), password, SCRYPT_N)


def listing(folder: Path) -> list[KeyEntry]:
    """Return the keys of a folder by name; files that aren't keystores are passed over."""
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            address = json.loads(path.read_text())["address"]
            found.append(KeyEntry(path.stem, _checksum(address)))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def address_of(folder: Path, name: str) -> str:
    """Return a key's address without opening it. Raises `Refused` when there is no such key."""
    for entry in listing(folder):
        if entry.name == name:
            return entry.address
    raise Refused(f"There is no key {name!r} in {folder}: make one with `assay account new {name}`.")


def load(folder: Path, name: str, password: str, exclusive: bool = True) -> LocalSigner:
    """Open a key. With `exclusive`, hold it until the signer is closed or the process ends.

    Raises:
        Refused: no such key, wrong password, a file that others can read, or another process holds it.
    """
    address_of(folder, name)
    path = _path(folder, name)
    if path.stat().st_mode & 0o077:
        raise Refused(f"Others can read {path}: run `chmod 600 {path}` first.")
    lock = _hold(folder, name) if exclusive else None
    try:
        return LocalSigner(_decrypt(path, password), lock)
    except Refused:
        if lock is not None:
            os.close(lock)
        raise


def _hold(folder: Path, name: str) -> int:
    path = folder / f"{name}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise Refused(f"Process {holder} holds the key {name!r}: stop it first, or use another key.") from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} isn't a key's name: use up to 40 of a-z, 0-9, - and _.")
    return folder / f"{name}.json"


def _write(folder: Path, name: str, key: bytes, password: str, scrypt_n: int) -> KeyEntry:
    path = _path(folder, name)
    if not password:
        raise Refused("A key needs a password.")
    if path.exists():
        raise Refused(f"There is a key {name!r} in {folder} already.")
    try:
        account = Account.from_key(key)
    except Exception as error:  # noqa: BLE001 - the library raises several kinds for a bad key; none may show it
        raise Refused("That isn't a private key: 32 bytes are expected.") from type(error)("not shown")
    text = json.dumps(Account.encrypt(key, password, kdf="scrypt", iterations=scrypt_n), indent=2)
    partial = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a rename, never replaces a key that appeared meanwhile
        partial.unlink()
    except FileExistsError as error:
        raise Refused(f"There is a key {name!r} in {folder} already.") from error
    except OSError as error:
        raise Unavailable(f"The key can't be written to {path}: {error.strerror}.") from error
    return KeyEntry(name, account.address)


def _decrypt(path: Path, password: str) -> bytes:
    try:
        return bytes(Account.decrypt(path.read_text(), password))
    except OSError as error:
        raise Refused(f"The key file {path} can't be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        wrong = "MAC mismatch" in str(error)
        raise Refused(f"The password doesn't open {path}." if wrong else f"{path} isn't a keystore file.") from None


def _checksum(address: str) -> str:
    return str(to_checksum_address("0x" + address.removeprefix("0x")))
