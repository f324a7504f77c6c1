from __future__ import annotations

import pytest

from assay.artifact.labels import parse_labels, write_labels
from assay.errors import Refused


def test_parse__what_was_written__same() -> None:
    assert parse_labels(write_labels("abba"), 4) == "abba"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"format":1,"labels":"ab"}', "2 labels for 4 groups"),
        (b'{"format":1,"labels":"abcd"}', "letters a or b"),
        (b'{"format":2,"labels":"abba"}', "format 1"),
        (b'{"format":1,"labels":[]}', "format 1"),
        (b'{"format":1, "labels":"abba"}', "canonical"),
        (b'{"format":1,"labels":"' + b"a" * 5000 + b'"}', "bytes, more than"),
    ],
)
def test_parse__strangers_bytes__refused(data: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says):
        parse_labels(data, 4)
