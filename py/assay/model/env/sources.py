"""What an installed package consists of: its version and a hash over its files, found without importing it.

Two machines with equal hashes run the same code of that package; what the package itself depends on isn't covered.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata, util
from pathlib import Path

from assay.errors import Refused


@cache
def contents(package: str) -> tuple[str, str]:
    """Return the version ("" where none is recorded) and the hash, in hex, of a top-level package or module.

    Refused if it isn't installed.
    """
    try:
        found = util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None or "." in package:
        raise Refused(f"the package {package} isn't installed here")
    places = [Path(place) for place in found.submodule_search_locations or ()]
    if not places:
        if found.origin is None:
            raise Refused(f"the package {package} has no files")
        digest = hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()
    else:
        digest = _folder(places[0])
    try:
        return metadata.version(package), digest
    except metadata.PackageNotFoundError:
        return "", digest


def _folder(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            name = path.relative_to(folder).as_posix().encode()
            total.update(hashlib.sha256(name).digest() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
