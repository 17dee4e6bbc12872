"""The models, the fast path beside them, and the documents printed from them."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.access.events import EVENTS, AccessGranted, By, Event, body, rfc3339
from edge.clock import Trust
from edge.journal import Record
from edge.journal.record import draft
from edge.uplink import schemas
from edge.uplink.arrivals import Arrival
from edge.uplink.lines import readable
from edge.uplink.messages import Ack, ClockHealth, CloudEvent, DiskHealth, Health, data_model, event_type
from edge.uplink.receive_store import Key
from edge.uplink.topics import Topics, parse
from edge.uplink.wire import BATCH_BYTES, Encoder

AT = datetime(2026, 3, 2, 8, 0, 0, 123_000, tzinfo=UTC)


def value_for(hint: Any) -> Any:
    """Some value of a field's type."""
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if get_origin(hint) in {Union, types.UnionType}:
        return value_for(next(part for part in get_args(hint) if part is not type(None)))
    if get_origin(hint) is tuple:
        return (value_for(get_args(hint)[0]),)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return next(iter(hint))
    return {str: "word", int: 3, float: 1.5, bool: True, datetime: AT, By: By("guard", "zhang")}[hint]


def example(kind: type[Event], *, full: bool) -> Event:
    """An event with everything in it, of somebody real, or only with what it must have."""
    hints = get_type_hints(kind)
    must = {f.name for f in fields(kind) if f.default is MISSING}
    given = {f.name: value_for(hints[f.name]) for f in fields(kind) if full or f.name in must}
    return kind(**given | ({"simulated": False} if full else {}))


def record_of(event: Event, seq: int = 7) -> Record:
    """The event as the journal keeps it."""
    written = draft(event)
    return Record(seq, "e1", written.at, written.cls, written.name, written.data, bytes(32))


ALL = [pytest.param(kind, full, id=f"{kind.CLASS}.{kind.NAME}-{'full' if full else 'least'}") for kind in EVENTS for full in (False, True)]


@pytest.mark.parametrize(("kind", "full"), ALL)
def test_fast_path_writes_what_the_models_say(kind: type[Event], full: bool) -> None:
    """The bytes on the wire are the model's output, field by field, and fit the printed schema."""
    event = example(kind, full=full)
    sent = json.loads(Encoder("anting_01", "gw1", disclose_person=True).event(record_of(event)))
    model = CloudEvent(
        specversion="1.0",
        id="gw1-e1-7",
        source="/anyu/anting_01/gw1",
        type=event_type(kind),
        time=event.at,
        sequence="7",
        data=body(event),
    )
    assert sent == model.model_dump(mode="json")
    assert sent["time"] == rfc3339(event.at)
    data_model(kind).model_validate_json(json.dumps(sent["data"]), strict=False)
    jsonschema.Draft202012Validator(schemas.event_schema(kind)).validate(sent)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: f"{kind.CLASS}.{kind.NAME}")
def test_disclose_none_leaves_out_person_ref_and_nothing_else(kind: type[Event]) -> None:
    """The body without `person_ref` is otherwise the body."""
    record = record_of(example(kind, full=True))
    whole = json.loads(Encoder("s", "g", disclose_person=True).event(record))
    bare = json.loads(Encoder("s", "g", disclose_person=False).event(record))
    whole["data"].pop("person_ref", None)
    assert bare == whole
    assert "person_ref" not in json.dumps(bare)


def test_what_is_simulated_is_nobodys_act() -> None:
    """Whatever is disclosed, a simulated event leaves the gateway without the person whose card was copied."""
    real = example(AccessGranted, full=True)
    for disclose in (False, True):
        played = json.loads(Encoder("s", "g", disclose_person=disclose).event(record_of(replace(real, simulated=True))))
        assert "person_ref" not in played["data"]
    whole = json.loads(Encoder("s", "g", disclose_person=True).event(record_of(real)))
    whole["data"].pop("person_ref")
    assert played["data"] == {**whole["data"], "simulated": True}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: f"{kind.CLASS}.{kind.NAME}")
def test_schema_refuses_what_is_wrong(kind: type[Event]) -> None:
    """The printed schema is no rubber stamp: a missing, null or misspelt value does not pass."""
    validator = jsonschema.Draft202012Validator(schemas.event_schema(kind))
    good = json.loads(Encoder("s", "g", disclose_person=True).event(record_of(example(kind, full=True))))
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "type": "anyu.other.v1"})
    assert not validator.is_valid({**good, "sequence": 7})
    for field in good["data"]:
        assert not validator.is_valid({**good, "data": {**good["data"], field: None}}), field
    assert not validator.is_valid({**good, "data": {**good["data"], "clock": "perhaps"}})
    assert validator.is_valid({**good, "data": {**good["data"], "an_addition": 1}})


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=60), st.integers(1, 20))
def test_batches_keep_order_size_and_bytes(sizes: list[int], most: int) -> None:
    """Arrays of at most so many events and bytes, nothing left out, in order."""
    records = [Record(n, "e", "t", "door", "opened", json.dumps({"x": "y" * size}).encode(), b"") for n, size in enumerate(sizes, 1)]
    batches = Encoder("s", "g", disclose_person=True).batches(records, most, limit=5_000)
    events = [event for _, _, payload in batches for event in json.loads(payload)]
    assert [event["sequence"] for event in events] == [str(record.seq) for record in records]
    for count, last, payload in batches:
        assert count <= most
        assert len(payload) <= 5_000 or count == 1
        assert json.loads(payload)[-1]["sequence"] == str(last)
    assert BATCH_BYTES < 128_000


def test_printed_documents_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/ is what the models say, and every event and field has words."""
    assert schemas.main(["--check"]) == 0, capsys.readouterr().err


def test_check_names_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed, a missing and a left-over file are each named, and printing cures all three."""
    assert schemas.main(["--docs", str(tmp_path)]) == 0
    (tmp_path / "events.md").write_text("old")
    (tmp_path / "schemas" / "ack.json").unlink()
    (tmp_path / "schemas" / "gone.v1.json").write_text("{}")
    assert schemas.main(["--check", "--docs", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in ("events.md", "schemas/ack.json", "schemas/gone.v1.json"))
    assert schemas.main(["--docs", str(tmp_path)]) == 0
    schemas.main(["--check", "--docs", str(tmp_path)])
    assert "stale" not in capsys.readouterr().err


def test_every_schema_is_a_schema() -> None:
    """JSON Schema's own rules hold, and the AsyncAPI file refers to files that are there."""
    printed = schemas.documents()
    for name, text in printed.items():
        if name.endswith(".json"):
            jsonschema.Draft202012Validator.check_schema(json.loads(text))
    from ruamel.yaml import YAML

    api = YAML(typ="safe").load(printed["asyncapi.yaml"])
    for message in api["components"]["messages"].values():
        assert message["payload"]["$ref"].removeprefix("./") in printed
    for operation in api["operations"].values():
        assert operation["channel"]["$ref"].rsplit("/", 1)[1] in api["channels"]


def test_health_carries_what_the_contract_lists() -> None:
    """Every key of CONTRACT section 4's health."""
    health = Health(
        at=AT,
        clock=ClockHealth(trust=Trust.SYNCED),
        epoch="e1",
        seq_head=5,
        seq_oldest=1,
        acked={"centre": 4},
        chain_head="00",
        alg="sha256",
        disk=DiskHealth(free_bytes=1),
    )
    journal = {"epoch", "seq_head", "seq_oldest", "acked", "chain_head", "alg", "disk"}
    wanted = journal | {"doors", "alarms", "recognition", "clock", "degraded"}
    assert wanted <= json.loads(health.model_dump_json(exclude_none=True)).keys()
    assert "roster" in Health.model_fields
    assert json.loads(health.model_dump_json())["at"] == "2026-03-02T08:00:00.123Z"


def test_ack_takes_numbers_and_digits_only() -> None:
    """`seq` may be a number or its digits, nothing that looks like one."""
    assert Ack.model_validate_json('{"epoch": "e", "seq": "12", "credit": 5, "more": 1}') == Ack(epoch="e", seq=12, credit=5)
    for wrong in ('"1.0"', "1.0", "true", "null", '"١"', "-1", str(2**63)):
        with pytest.raises(ValidationError):
            Ack.model_validate_json(f'{{"epoch": "e", "seq": {wrong}}}')


def test_topics_there_and_back() -> None:
    """What is built is what is understood."""
    topics = Topics("anting_01", "gw1")
    for topic, kind, rest in (
        (topics.state, "state", ""),
        (topics.event("door"), "evt", "door"),
        (topics.backlog, "evtb", ""),
        (topics.ack("centre"), "ack", "centre"),
    ):
        heard = parse(topic)
        assert heard is not None
        assert (heard.site, heard.gateway, heard.kind, heard.rest) == ("anting_01", "gw1", kind, rest)
    for other in ("", "anyu", "anyu/v2/s/g/state", "anyu/v1/s//state", "anyu/v1/s/g", "anyu/v1/s/g/a/b/c", "x/v1/s/g/state"):
        assert parse(other) is None


def codes_of(hint: Any) -> set[str]:
    """Every code that a field of this type may hold."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {str(each) for each in hint}
    return set().union(*map(codes_of, get_args(hint)))


@pytest.mark.parametrize("kind", EVENTS, ids=event_type)
def test_no_code_is_shown_to_a_person(kind: type[Event]) -> None:
    """Whatever a line for people shows of an event is a word of theirs."""
    for name, hint in get_type_hints(kind).items():
        for code in codes_of(hint):
            event = {"type": event_type(kind), "time": "2026-03-02T08:00:00.000Z", "data": {name: [code] if name == "method" else code}}
            line = readable(Arrival(Key("s", "g", "e"), 1, "", event, live=True), "zh")
            assert code not in line.split(" · "), name
