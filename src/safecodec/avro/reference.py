"""Avro payloads through fastavro: the encoder, and the compiled decoder's second opinion.

fastavro reads and writes physical values. Resolution, the bindings of Python types (`targets`, `sources`) and logical
types are those of the compiled engine, so a fault in these is one that both have; what is done with them is written in
Python here and in C there. fastavro is imported when a plan is built.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..errors import EncodeError, PayloadError
from ._decoder import Walk
from ._refusals import attempt
from .bounds import checker
from .describing import PLAIN, describe, listed, nests_too_deep, short
from .floats import FLOAT_MAX, is_exact
from .hints import Scalar
from .logical import avro_value, python_value
from .nodes import Array, Fixed, Map, Primitive, Record, Union
from .physical import Physical, avro_bytes
from .resolve import (
    Action,
    Refused,
    Take,
    TakeAbsent,
    TakeBranch,
    TakeFields,
    TakeInto,
    TakeItems,
    TakeSymbol,
    TakeValues,
    resolve,
    resolve_values,
)
from .sources import TYPES, Missing, Sources
from .targets import Targets

if TYPE_CHECKING:
    from .nodes import Field, Node
    from .schema import Schema
    from .sources import Choosing, Given
    from .targets import Making

LEFT_OUT: Final = object()
"""Stands for a key that is missing."""
RANGES: Final = {"int": 2**31, "long": 2**63}


def _fastavro_schema(physical: Physical) -> Any:
    from fastavro.schema import parse_schema

    return parse_schema(physical.json)


# ---- reading -------------------------------------------------------------------------------------------------------


class ReferencePlan:
    """Reads payloads of one schema as values of another.

    Args:
        writer: The schema that payloads are written in.
        reader: The schema that they are read as; its type is made, or dicts where it has none.

    Raises:
        IncompatibleSchemaError: They do not resolve.
    """

    def __init__(self, writer: Schema, reader: Schema) -> None:
        from fastavro import schemaless_reader

        self._action = resolve(writer, reader)
        self._targets = Targets(reader, plain=True)
        self._hints = reader.hints
        self._digits = reader.limits.digits
        self._walk = Walk(writer.root, writer.limits)
        self._read = schemaless_reader
        self._schema = _fastavro_schema(Physical(writer.root))
        self._once = _Once()

    def decode(self, payload: Any, *, prefix: bool = False) -> Any:
        """Read a payload.

        Args:
            payload: A buffer.
            prefix: Whether bytes may be left over.

        Raises:
            PayloadError: The bytes are no value of the schema, or are more than one.
        """
        data = bytes(payload)
        self._walk.check(data, prefix=prefix)
        physical = self._read(io.BytesIO(data), self._schema, None, return_record_name=True)
        return self._value(self._action, physical, "$")

    def _value(self, action: Action, value: Any, path: str) -> Any:
        match action:
            case TakeItems():
                items = [self._value(action.items, one, f"{path}[{at}]") for at, one in enumerate(value)]
                return self._called(self._targets.container(action), items, path)
            case TakeValues():
                entries = {key: self._value(action.values, one, f"{path}[{short(key)}]") for key, one in value.items()}
                return self._called(self._targets.container(action), entries, path)
            case TakeBranch():
                name, wrapped = value
                return self._value(action.branches[int(name.rpartition("_")[2])], wrapped["value"], path)
            case TakeInto():
                return self._value(action.inner, value, path)
            case TakeFields():
                return self._record(action, value, path)
            case TakeSymbol():
                return self._once(self._symbols, action)[value]
            case TakeAbsent():
                return self._absent(action, path)
        assert isinstance(action, Take)
        return self._called(self._leaf, (action, value), path)

    def _symbols(self, action: TakeSymbol) -> dict[str, Any]:
        return dict(zip(action.symbols, self._targets.symbols(action), strict=True))

    def _called(self, function: Any, value: Any, path: str) -> Any:
        return _judged(PayloadError, function, value, path)

    def _leaf(self, given: tuple[Take, Any]) -> Any:
        action, value = given
        writer, reader = action.writer, action.reader
        if writer.logical is not None:
            found = python_value(writer, value, self._digits)
            if reader.logical is not None:
                avro_value(reader, found, self._digits)
                value = found
        elif isinstance(reader, Fixed) and len(value) != reader.size:
            raise ValueError(f"{reader.size} bytes are expected, these are {len(value)}")
        elif isinstance(writer, Primitive) and isinstance(reader, Primitive) and writer.kind != reader.kind:
            value = _read_as(reader.kind, value)
        hint = self._hints.get(id(reader))
        if isinstance(hint, Scalar) and hint.cls in (bytearray, memoryview):
            value = hint.cls(value)
        check = checker(reader)
        return value if check is None else check(value)

    def _absent(self, action: TakeAbsent, path: str) -> Any:
        found = self._targets.absent(action)
        if found is None:
            return LEFT_OUT
        factory = found.factory
        return found.value if factory is None else self._called(lambda _: factory(), None, path)

    def _record(self, action: TakeFields, value: dict[str, Any], path: str) -> Any:
        making: Making = self._once(self._targets.making, action)
        fields: dict[str, Any] = {}
        for field, written, inner in action.fields:
            if written is not None and inner is not None:
                fields[field.name] = self._value(inner, value[written.name], f"{path}.{field.name}")
        given = {field.name: making.places[field.name] for field, _, _ in action.fields if field.name in making.places}
        filled = {filling.place.name: filling for filling in making.fills}
        found: dict[str, Any] = {}
        for name, place in given.items():
            if name in fields:
                if fields[name] is not LEFT_OUT:
                    found[place.name] = fields[name]
            elif place.name in filled:
                filling = filled[place.name]
                factory = filling.factory
                made = filling.value if factory is None else self._called(lambda _, make=factory: make(), None, path)
                found[place.name] = made
        return self._called(lambda every: _made(making, every), found, path)


def _read_as(kind: str, value: Any) -> Any:
    """A promoted value: bytes of a string are text to fastavro, and the other way round."""
    match kind:
        case "float" | "double":
            if type(value) is int and not is_exact("double", value):
                raise ValueError(f"the whole number {value} has no exact float")
            return float(value)
        case "string":
            return value.decode()
        case "bytes":
            return value.encode()
    return value


def _made(making: Making, found: dict[str, Any]) -> Any:
    """The object of a class, whose attributes are found by name."""
    cls = making.cls
    match making.how:
        case "dict":
            return found
        case "tuple":
            return tuple.__new__(cls, [found[place.name] for place in making.places.values()])
        case "call":
            names = dict(zip([place.name for place in making.places.values()], making.keywords or (), strict=True))
            return cls(**{names[name]: value for name, value in found.items()})
    if hasattr(cls, "__struct_config__"):
        return cls(**found)
    one = object.__new__(cls)
    for name, value in found.items():
        object.__setattr__(one, name, value)
    if making.then is not None:
        making.then(one)
    return one


# ---- writing -------------------------------------------------------------------------------------------------------


class ReferenceEncoder:
    """Writes values of one schema as payloads of another.

    Args:
        writer: The schema to write.
        source: The schema of the values: its type's instances, or dicts where it has none.

    Raises:
        IncompatibleSchemaError: No value of the source can be written so.
    """

    def __init__(self, writer: Schema, source: Schema) -> None:
        from fastavro import schemaless_reader, schemaless_writer

        self._action = resolve_values(source, writer)
        self._sources = Sources(source, writer, plain=True)
        physical = Physical(writer.root)
        self._branches = physical.branches
        self._walk = Walk(writer.root, writer.limits)
        self._write, self._read = schemaless_writer, schemaless_reader
        self._schema = _fastavro_schema(physical)
        self._once = _Once()

    def encode(self, value: Any) -> bytes:
        """Write a value.

        Raises:
            EncodeError: It is no value of the source, with its path.
        """
        try:
            physical = self._physical(self._action, value, "$")
        except RecursionError as error:
            if not nests_too_deep(error):
                raise
            raise EncodeError("the value nests too deep", path="$") from None
        out = io.BytesIO()
        self._write(out, self._schema, physical)
        payload = out.getvalue()
        try:
            self._walk.check(payload)
        except PayloadError as error:  # beyond the decoder's limits, which nobody could read
            raise EncodeError(error.reason, path=error.path) from None
        return payload

    def _physical(self, action: Action, value: Any, path: str) -> Any:
        match action:
            case Take():
                return self._leaf(action, value, path)
            case TakeInto():
                name = self._branches.get(
                    (id(action.reader), action.branch), f"_{action.branch}"
                )  # a field that is dropped has no name in the written schema
                return name, {"value": self._physical(action.inner, value, path)}
            case TakeSymbol():
                return self._symbol(action, value, path)
            case TakeItems():
                return self._items(action, value, path)
            case TakeValues():
                _, check = self._once(self._sources.container, action)
                value = _converted(check, value, path)
                _demand(isinstance(value, Mapping), "a map", value, path)
                value = _converted(dict, value, path)
                for key in value:
                    _demand(isinstance(key, str), "a str as key", key, path)
                    _check_text(key, path)
                return {key: self._physical(action.values, one, f"{path}[{short(key)}]") for key, one in value.items()}
            case TakeBranch():
                at, value = self._branch(action, value, path)
                return self._physical(action.branches[at], value, path)
            case TakeFields():
                return self._record(action, value, path)
        assert isinstance(action, Refused)
        raise EncodeError(action.reason, path=path)

    def _leaf(self, action: Take, value: Any, path: str) -> Any:
        _, _, convert, wanted = self._once(self._sources.leaf, action)
        value = _converted(convert, value, path)
        target = action.reader
        if isinstance(target, Fixed):
            _demand(isinstance(value, (bytes, bytearray, memoryview)), wanted, value, path)
            _demand(len(value) == target.size, wanted, value, path)
            return bytes(value)
        kind, types = target.kind, TYPES[target.kind]
        if kind in ("float", "double"):
            _demand(type(value) in (int, float), wanted, value, path)
            return _float(kind, value, path)
        if kind == "string":
            _demand(isinstance(value, str), wanted, value, path)
            _check_text(value, path)
            return str(value)
        _demand(isinstance(value, types) and (kind not in RANGES or type(value) is int), wanted, value, path)
        if kind in RANGES and not -RANGES[kind] <= value < RANGES[kind]:
            raise EncodeError(f"{short(value)} is beyond the range of {kind}", path=path)
        return bytes(value) if kind == "bytes" else value

    def _symbol(self, action: TakeSymbol, value: Any, path: str) -> str:
        values, indices, texts = self._once(self._sources.symbols, action)
        kinds, known = self._once(_by_value, values, indices)
        index = known.get((type(value), value)) if type(value) in kinds else None
        if index is None and texts is not None and isinstance(value, str):
            index = texts.get(value)
        if index is None:
            names = listed(getattr(one, "value", one) for one in values)
            raise EncodeError(f"{short(value)} is none of the symbols {names}", path=path)
        symbol: str = action.reader.symbols[index]
        return symbol

    def _items(self, action: TakeItems, value: Any, path: str) -> list[Any]:
        types, convert = self._once(self._sources.container, action)
        value = _converted(convert, value, path)
        _demand(isinstance(value, types), "an array", value, path)
        given = _converted(list, value, path)
        items = [self._physical(action.items, one, f"{path}[{at}]") for at, one in enumerate(given)]
        if isinstance(value, (set, frozenset)):
            items.sort(key=lambda one: avro_bytes(action.reader.items, one))
        return items

    def _record(self, action: TakeFields, value: Any, path: str) -> dict[str, Any]:
        giving = self._once(self._sources.giving, action)
        get = _getter(giving, value, path)
        fields: dict[str, Any] = {}
        names = iter(field.name for field, _, _ in action.fields)
        for given in giving.gives:
            inner = f"{path}.{given.label}"
            found = LEFT_OUT if given.name is None else get(given)
            if found is LEFT_OUT or (given.blank is not None and found is given.blank):
                written = self._missing(given, action, inner)
            else:
                assert given.action is not None
                written = self._physical(given.action, found, inner)
            if not given.dropped:
                fields[next(names)] = written
        return fields

    def _missing(self, given: Given, action: TakeFields, path: str) -> Any:
        missing: Missing | None = given.missing
        if missing is None:
            raise EncodeError("the field is missing and has no default", path=path)
        if missing.data is None:
            assert missing.action is not None
            made = None if missing.make is None else missing.make(None)
            return self._physical(missing.action, made, path)
        if given.dropped:
            return None
        target = self._once(_by_label, action)[given.label]
        return self._once(self._read_back, target.type, missing.data)

    def _read_back(self, node: Node, data: bytes) -> Any:
        """The physical value of bytes that are written as they are."""
        physical = Physical(node)
        found = self._read(io.BytesIO(data), _fastavro_schema(physical), None, return_record_name=True)
        return self._renamed(node, found)

    def _renamed(self, node: Node, value: Any) -> Any:
        """A physical value with the names of branches that the whole schema has."""
        if isinstance(node, Union):
            at = int(value[0].rpartition("_")[2])
            return self._branches.get((id(node), at), f"_{at}"), {
                "value": self._renamed(node.branches[at], value[1]["value"])
            }
        if isinstance(node, Array):
            return [self._renamed(node.items, one) for one in value]
        if isinstance(node, Map):
            return {key: self._renamed(node.values, one) for key, one in value.items()}
        if isinstance(node, Record):
            return {field.name: self._renamed(field.type, value[field.name]) for field in node.fields}
        return value

    # ---- unions ----

    def _branch(self, action: TakeBranch, value: Any, path: str) -> tuple[int, Any]:
        """The index of the branch that a value is of, and the value without the branch's name."""
        choosing = self._once(self._sources.choosing, action)
        if type(value) is tuple and len(value) == 2 and isinstance(value[0], str):
            for at, names in enumerate(choosing.names):
                if value[0] in names:
                    return at, value[1]
        for at, types in enumerate(choosing.types):
            if type(value) in types and (type(value) is not int or self._fits(action, choosing, at, value, path)):
                return at, value
        found = [at for at in range(len(action.branches)) if self._fits(action, choosing, at, value, path)]
        if len(found) > 1 and not (choosing.leaves[found[0]] and all(choosing.leaves[at] for at in found)):
            raise EncodeError(
                f"{type(value).__name__} {short(value)} fits more than one branch of the union: {choosing.wanted}; "
                "name one, as (name, value)",
                path=path,
            )
        if not found and type(value) is float:
            found = [at for at, one in enumerate(action.branches) if _is_single(one)]
        if not found:
            text = f"{type(value).__name__} {short(value)} is of no branch of the union: {choosing.wanted}"
            raise EncodeError(text, path=path)
        return found[0], value

    def _fits(self, action: TakeBranch, choosing: Choosing, at: int, value: Any, path: str) -> bool:
        fits = choosing.fits[at]
        if fits is not None:
            return bool(_converted(fits, value, path))
        try:
            self._physical(action.branches[at], value, "")
        except EncodeError:
            return False
        return True


class _Once:
    """Calls a function once for its arguments, which are kept: by their identity, so that they need no hash."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def __call__(self, function: Any, *args: Any) -> Any:
        key = (function, *map(id, args))
        if key not in self._known:
            self._known[key] = args, function(*args)
        return self._known[key][1]


def _by_value(values: tuple[Any, ...], indices: tuple[int, ...]) -> tuple[set[type], dict[Any, int]]:
    """The types of an enum's values, and the index that is written for each by its type and itself."""
    return {type(one) for one in values}, {(type(one), one): index for one, index in zip(values, indices, strict=True)}


def _by_label(action: TakeFields) -> dict[str, Field]:
    """The written fields by the names that they have in the value."""
    return {(written or field).name: field for field, written, _ in reversed(action.fields)}


def _is_single(action: Action) -> bool:
    inner = action.inner if isinstance(action, TakeInto) else action
    return isinstance(inner, Take) and isinstance(inner.reader, Primitive) and inner.reader.kind == "float"


def _getter(giving: Any, value: Any, path: str) -> Any:
    """Return a function of a field's value, or `LEFT_OUT`."""
    if giving.get == "keys":
        if isinstance(value, Mapping):
            value = _converted(dict, value, path)
            extra = _converted(lambda one: [key for key in one if key not in giving.known], value, path)
            if extra:
                raise EncodeError(f"the record has no field {short(extra[0])}", path=path)
            return lambda given: _converted(lambda one: one.get(given.name, LEFT_OUT), value, path)
        _demand(giving.free and not isinstance(value, PLAIN), giving.wanted, value, path)
        return lambda given: _converted(lambda one: getattr(one, given.name, LEFT_OUT), value, path)
    _demand(isinstance(value, giving.cls), giving.wanted, value, path)
    if giving.get == "index":
        _demand(len(value) == giving.size, giving.wanted, value, path)
        return lambda given: value[given.place]
    return lambda given: getattr(value, given.name, LEFT_OUT)


def _converted(convert: Any, value: Any, path: str) -> Any:
    return _judged(EncodeError, convert, value, path)


def _judged(verdict: type[EncodeError | PayloadError], function: Any, value: Any, path: str) -> Any:
    """Return the result of a call, or the value where there is none to make; a refusal becomes the verdict."""
    if function is None:
        return value
    found, error = attempt(function, value)
    if isinstance(error, (ValueError, TypeError)):  # of a type's own code, too
        reason, inner = describe(error)
        raise verdict(reason, path=path + inner.removeprefix("$")) from error
    if error is not None:
        raise error
    return found


def _demand(holds: bool, wanted: str, value: Any, path: str) -> None:
    if not holds:
        raise EncodeError(f"{wanted} is expected, this is {type(value).__name__} {short(value)}", path=path)


def _check_text(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise EncodeError(f"the text has no UTF-8 form: {error.reason} at {error.start}", path=path) from None


def _float(kind: str, value: float, path: str) -> float:
    if type(value) is int and not is_exact(kind, value):
        raise EncodeError(f"{short(value)} has no exact {kind}", path=path)
    if kind == "float" and FLOAT_MAX <= abs(value) < math.inf:
        raise EncodeError(f"{value} is beyond the range of float", path=path)
    return float(value)
