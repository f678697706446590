# ruff: noqa: SLF001  PyFlink's insides are what this module is about.
"""What PyFlink (2.3.0) does not offer, by way of its insides; all of it in this one module.

Keying in Java, side outputs without a Python map, uids of the operators that SQL made, types of what comes
from a table, and the state's Java object.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pyflink.common import Types
from pyflink.common.typeinfo import TypeInformation
from pyflink.datastream import DataStream, KeyedStream, OutputTag, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment, Table

_VIRTUAL: Final = frozenset({"PartitionTransformation", "SideOutputTransformation", "UnionTransformation"})
"""Transformations that are no operators, so that they have neither uid nor state."""
_KIND: Final = re.compile(r"\w+")
"""The planner names an operator `Kind[counter]`, a source `Kind-table`."""


def payload_type() -> TypeInformation:
    """`ROW(key, payload)`; made anew each time, because a type that was used once cannot be pickled."""
    return Types.ROW([Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE())])


def branch_tag(host: str) -> OutputTag:
    """The side output that carries the batches of an operator: of a branch, or of devices."""
    return OutputTag(host, payload_type())


def handed_on_tag(branch: str) -> OutputTag:
    """The side output by which devices hand on to users."""
    return OutputTag(f"handed-on-{branch}" if branch else "handed-on", payload_type())


def beyond_tag(host: str) -> OutputTag:
    """The side output by which shoppers tell entities, and those rankings."""
    return OutputTag(f"told-{host}", payload_type())


def letters_tag() -> OutputTag:
    """The side output of dead letters, where the main one is of batches."""
    return OutputTag("letters", Types.STRING())


def key_by_first_field(stream: DataStream) -> KeyedStream:
    """Key a stream of `ROW(key, payload)` in Java.

    `DataStream.key_by` puts a Python map in front, 15 µs an element; this uses the selector that it would use
    after that map. The keyed function receives the payload alone.
    """
    selector = get_gateway().jvm.org.apache.flink.streaming.api.functions.python.KeyByKeySelector()
    key_type = Types.ROW([Types.STRING()]).get_java_type_info()
    return KeyedStream(
        stream._j_data_stream.keyBy(selector, key_type), Types.PRIMITIVE_ARRAY(Types.BYTE()), stream
    )


def side_output(stream: DataStream, tag: OutputTag) -> DataStream:
    """A side output without the identity map in Python that `DataStream.get_side_output` adds."""
    return DataStream(stream._j_data_stream.getSideOutput(tag.get_java_output_tag()))


def rows_of(tables: StreamTableEnvironment, table: Table, row_type: TypeInformation) -> DataStream:
    """A table as a stream that Python functions can take.

    `to_data_stream` declares an `ExternalTypeInfo`, which they cannot; what flows is the same as with
    `row_type`.
    """
    stream = tables.to_data_stream(table)
    stream._j_data_stream.getTransformation().setOutputType(row_type.get_java_type_info())
    return stream


def name_uids(stream: DataStream, prefix: str) -> list[str]:
    """Give every operator from the sources to `stream` a uid made of its kind: `<prefix>-WindowAggregate`.

    The planner's own uids hold a counter that goes on with every plan of the same JVM, so that a savepoint
    would fit the first submission only.
    """
    uids: list[str] = []
    for transformation in _upstream(stream._j_data_stream.getTransformation()):
        if transformation.getClass().getSimpleName() in _VIRTUAL:
            continue
        uid = f"{prefix}-{_KIND.match(transformation.getName())[0]}"  # type: ignore[index]
        while uid in uids:
            uid += "-again"
        uids.append(uid)
        transformation.setUid(uid)
    return uids


class FlinkMap:
    """A keyed map of texts to bytes, without PyFlink's conversions; a call costs about 10 µs."""

    def __init__(self, runtime_context: RuntimeContext, name: str) -> None:
        """Declare the state."""
        # PICKLED_BYTE_ARRAY is stored as byte[] as it is; PRIMITIVE_ARRAY would be the same to Java.
        descriptor = MapStateDescriptor(name, Types.STRING(), Types.PICKLED_BYTE_ARRAY())
        self._map = runtime_context.get_map_state(descriptor)._state

    def get(self, key: str) -> bytes | None:
        """The entry's bytes."""
        data: bytes | None = self._map.get(key)
        return data

    def put_all(self, entries: Mapping[str, bytes]) -> None:
        """Write entries, in one call."""
        self._map.putAll(entries)

    def remove(self, key: str) -> None:
        """Remove an entry, whether it is there or not."""
        self._map.remove(key)

    def items(self) -> Iterable[tuple[str, bytes]]:
        """Every entry of the key at hand."""
        for entry in self._map.entries():
            yield entry.getKey(), entry.getValue()


def run_of(runtime_context: RuntimeContext) -> str:
    """Which run of which job this is: `<job id>:<attempt>`, another one after every restart."""
    context = runtime_context._runtime_context
    return f"{context.getJobInfo().getJobId()}:{context.getTaskInfo().getAttemptNumber()}"


def _upstream(transformation: Any) -> Iterator[Any]:
    """Transformations from the sources down, each once."""
    seen: set[int] = set()

    def walk(at: Any) -> Iterator[Any]:
        if at.getId() in seen:
            return
        seen.add(at.getId())
        for before in at.getInputs():
            yield from walk(before)
        yield at

    return walk(transformation)
