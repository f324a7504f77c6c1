"""Encoding and decoding by ABI: calls, results, events, errors. Knows no chain and no contract's meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from assay.errors import Broken, Refused, Unavailable

Parameter = Mapping[str, Any]


def type_of(parameter: Parameter) -> str:
    """Return the canonical type: tuples are written out."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(type_of(inner) for inner in parameter["components"]) + ")" + kind[len("tuple") :]


def _signature(item: Mapping[str, Any]) -> str:
    return f"{item['name']}({','.join(type_of(parameter) for parameter in item['inputs'])})"


def _in(value: Any, parameter: Parameter) -> Any:
    """Turn records into the tuples that the encoder wants, by the names of the ABI."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_in(one, inner) for one in value]
    if kind == "tuple":
        parts: Sequence[Parameter] = parameter["components"]
        values = [value[part["name"]] for part in parts] if isinstance(value, Mapping) else list(value)
        return tuple(_in(one, part) for one, part in zip(values, parts, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _out(value: Any, parameter: Parameter) -> Any:
    """Turn decoded tuples into records, and addresses into checksummed text."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_out(one, inner) for one in value]
    if kind == "tuple":
        return {part["name"]: _out(one, part) for one, part in zip(value, parameter["components"], strict=True)}
    return to_checksum_address(value) if kind == "address" else value


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a contract."""

    name: str
    selector: bytes
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    def data(self, *arguments: Any) -> bytes:
        """Encode a call. Arguments that don't fit their types are a fault of this program: `Broken`."""
        try:
            values = [_in(value, parameter) for value, parameter in zip(arguments, self.inputs, strict=True)]
            return self.selector + encode([type_of(parameter) for parameter in self.inputs], values)
        except (EncodingError, KeyError, TypeError, ValueError) as error:
            raise Broken(f"A call of {self.name} doesn't fit its ABI: {error}.") from error

    def arguments(self, data: bytes) -> tuple[Any, ...]:
        """Decode a call's data, which must begin with this function's selector. Refused when the rest doesn't fit."""
        try:
            values = decode([type_of(parameter) for parameter in self.inputs], data[4:])
        except DecodingError as error:
            raise Refused(f"A call of {self.name} can't be read.") from error
        return tuple(_out(value, parameter) for value, parameter in zip(values, self.inputs, strict=True))

    def result(self, data: bytes) -> tuple[Any, ...]:
        """Decode what a call returned.

        Raises:
            Unavailable: the answer isn't of this function; no contract, or another one, is at the address.
        """
        try:
            values = decode([type_of(parameter) for parameter in self.outputs], data)
        except DecodingError as error:
            raise Unavailable(f"The chain's answer to {self.name} can't be read: is the contract there?") from error
        return tuple(_out(value, parameter) for value, parameter in zip(values, self.outputs, strict=True))


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a contract."""

    name: str
    topic: bytes
    inputs: tuple[Parameter, ...]

    def arguments(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """Decode a log; indexed text and bytes aren't used by these contracts."""
        indexed = [parameter for parameter in self.inputs if parameter["indexed"]]
        plain = [parameter for parameter in self.inputs if not parameter["indexed"]]
        try:
            values = decode([type_of(parameter) for parameter in plain], data)
            found = {p["name"]: _out(value, p) for p, value in zip(plain, values, strict=True)}
            for parameter, topic in zip(indexed, topics[1:], strict=True):
                found[parameter["name"]] = _out(decode([type_of(parameter)], topic)[0], parameter)
        except (DecodingError, ValueError) as error:
            raise Unavailable(f"A log of {self.name} can't be read: {error}.") from error
        return {parameter["name"]: found[parameter["name"]] for parameter in self.inputs}


@dataclass(frozen=True, slots=True)
class CustomError:
    """A custom error of a contract."""

    name: str
    selector: bytes
    inputs: tuple[Parameter, ...]

    def arguments(self, data: bytes) -> dict[str, Any]:
        """Decode what follows the selector; raises `DecodingError` when it isn't this error's."""
        values = decode([type_of(parameter) for parameter in self.inputs], data)
        return {p["name"]: _out(value, p) for p, value in zip(self.inputs, values, strict=True)}


class Interface:
    """Everything an ABI names."""

    def __init__(self, abi: Iterable[Mapping[str, Any]]) -> None:
        self.functions: dict[str, Function] = {}
        self.events: dict[bytes, Event] = {}
        self.errors: dict[bytes, CustomError] = {}
        self.constructor: tuple[Parameter, ...] = ()
        for item in abi:
            if item["type"] == "constructor":
                self.constructor = tuple(item["inputs"])
            if item["type"] not in {"function", "event", "error"}:
                continue
            digest = keccak(text=_signature(item))
            inputs = tuple(item["inputs"])
            if item["type"] == "function":
                self.functions[item["name"]] = Function(item["name"], digest[:4], inputs, tuple(item["outputs"]))
            elif item["type"] == "event":
                self.events[digest] = Event(item["name"], digest, inputs)
            else:
                self.errors[digest[:4]] = CustomError(item["name"], digest[:4], inputs)

    def construct(self, values: Mapping[str, Any]) -> bytes:
        """Encode the constructor's arguments, taken from `values` by their names without the trailing underscore."""
        given = [_in(values[parameter["name"].rstrip("_")], parameter) for parameter in self.constructor]
        return encode([type_of(parameter) for parameter in self.constructor], given)
