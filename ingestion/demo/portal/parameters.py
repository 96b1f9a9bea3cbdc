"""Parameters of a call: JSON, forms and query strings, nested as PHP nests them."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl

import orjson

from ingestion.demo.portal.errors import bad_argument
from ingestion.demo.portal.render import WrittenRows

Parameters = dict[str, object]

_PARTS: Final = re.compile(r"\[([^\]]*)\]")
_REFERENCE: Final = re.compile(r"\$result((?:\[[^\]\[]+\])+)")
_MISSING: Final = object()


def parse_query(text: str) -> Parameters:
    """A query string such as ``filter[>ID]=5&select[]=ID``, nested."""
    return nested(parse_qsl(text, keep_blank_values=True))


def nested(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Pairs whose names hold brackets, as PHP makes arrays of them."""
    made: Parameters = {}
    for name, value in pairs:
        head, bracket, tail = name.partition("[")
        keys = [head, *_PARTS.findall(bracket + tail)]
        place: dict[str, object] = made
        for key in keys[:-1]:
            inner = place.setdefault(_position(key, place), {})
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        place[_position(keys[-1], place)] = value
    return {key: _listed(value) for key, value in made.items()}


def _position(key: str, place: Mapping[str, object]) -> str:
    return key or str(len(place))


def _listed(value: object) -> object:
    """Turn objects with the keys 0, 1, 2... into lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(one) for key, one in value.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner


def parse_body(content_type: str, body: bytes) -> Parameters:
    """The parameters of a POST body.

    Raises:
        PortalError: the body is not what its type says.
    """
    if not body.strip():
        return {}
    if "json" in content_type or body.lstrip()[:1] == b"{":
        try:
            read = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise bad_argument("Invalid JSON in the request body.") from error
        return read if isinstance(read, dict) else {}
    return parse_query(body.decode("utf-8", errors="replace"))


def resolved(value: object, results: Mapping[str, object]) -> object:
    """A value with the references to results of earlier commands filled in.

    ``$result[key][0][ID]`` walks into the results. A path that leads nowhere gives an
    empty text, as on a real portal: ``">ID": ""`` then starts from the beginning.
    """
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _text(_walk(results, whole.group(1)))
        return _REFERENCE.sub(
            lambda found: str(_text(_walk(results, found.group(1)))), value
        )
    if isinstance(value, dict):
        return {
            str(resolved(key, results)): resolved(one, results)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [resolved(one, results) for one in value]
    return value


def _text(found: object) -> object:
    if found is _MISSING or found is None:
        return ""
    return found


def _walk(place: object, path: str) -> object:
    for key in _PARTS.findall(path):
        if isinstance(place, Mapping) and key in place:
            place = place[key]
        elif (
            isinstance(place, list | WrittenRows)
            and key.isdigit()
            and int(key) < len(place)
        ):
            place = place[int(key)]
        else:
            return _MISSING
    return place


def value_of(parameters: Mapping[str, object], name: str) -> object:
    """A parameter whatever the case of its name."""
    if name in parameters:
        return parameters[name]
    for key, value in parameters.items():
        if key.lower() == name.lower():
            return value
    return None
