"""Prints what others build on from the message models: JSON Schemas, docs/events.md, docs/asyncapi.yaml.

`python -m edge.uplink.schemas` writes them, `--check` names what is stale and exits 1.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from edge.access.events import EVENTS, AtDoor, Event, OfPerson
from edge.uplink import signature, words
from edge.uplink.messages import CONTRACT_VERSION, Ack, CloudEvent, Health, InfoBody, State, data_model, event_type
from edge.uplink.topics import ROOT

DOCS = Path(__file__).resolve().parents[2] / "docs"
PLAIN: dict[str, type[BaseModel]] = {"state": State, "health": Health, "info": InfoBody, "ack": Ack}


def documents() -> dict[str, str]:
    """Every document by its path under docs/."""
    out = {f"schemas/{name}.json": _json(_schema(model, name)) for name, model in PLAIN.items()}
    out["schemas/evtb.json"] = _json(_batch())
    for event in EVENTS:
        out[f"schemas/{event.CLASS}.{event.NAME}.v1.json"] = _json(event_schema(event))
    out["events.md"] = _events_page()
    out["asyncapi.yaml"] = _asyncapi()
    return out


def unnamed() -> list[str]:
    """Classes, events and fields that edge/uplink/words.py does not know."""
    names = {event.CLASS for event in EVENTS} - words.CLASSES.keys()
    names |= {f"{event.CLASS}.{event.NAME}" for event in EVENTS} - words.EVENTS.keys()
    return sorted(names | ({name for event in EVENTS for name in _fields(event)} - words.FIELDS.keys()))


def event_schema(event: type[Event]) -> dict[str, Any]:
    """The schema of one event: the CloudEvents envelope with its own `type` and `data`."""
    name = f"{event.CLASS}.{event.NAME}"
    schema = _schema(CloudEvent, f"{name}.v1")
    data = _schema(data_model(event), "")
    schema["description"] = _one_line(event.__doc__)
    schema["x-zh"] = words.event(name).zh
    schema["properties"]["type"] = {"const": event_type(event), "type": "string"}
    schema["properties"]["data"] = {key: data[key] for key in ("type", "properties", "required") if key in data}
    for field, shape in schema["properties"]["data"]["properties"].items():
        shape["description"], shape["x-zh"] = words.field(field)
    if "$defs" in data:
        schema["$defs"] = data["$defs"]
    return schema


def main(arguments: list[str] | None = None) -> int:
    """Write the documents, or say which are stale."""
    parser = argparse.ArgumentParser(prog="python -m edge.uplink.schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name what is stale")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder to write to")
    given = parser.parse_args(arguments)
    wanted = documents()
    kept = {f"schemas/{path.name}" for path in (given.docs / "schemas").glob("*.json")}
    left_over = sorted(kept - wanted.keys())
    stale = [name for name, text in wanted.items() if not _same(given.docs / name, text)]
    if given.check:
        for name in stale + left_over:
            sys.stderr.write(f"{name} is stale; print it anew with python -m edge.uplink.schemas\n")
        for name in unnamed():
            sys.stderr.write(f"{name} has no words yet; write them into edge/uplink/words.py\n")
        return 1 if stale or left_over or unnamed() else 0
    for name in stale:
        path = given.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], "utf-8")
    for name in left_over:
        (given.docs / name).unlink()
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = _tidy(model.model_json_schema(by_alias=True, mode="serialization"))
    assert isinstance(schema, dict)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"anyu:{CONTRACT_VERSION}:{name}", "title": name}
    return {**head, **schema} if name else schema


def _batch() -> dict[str, Any]:
    head = _schema(CloudEvent, "evtb")
    item = {key: head.pop(key) for key in ("properties", "required")}
    return {**head, "description": "Backlog: an array of events.", "type": "array", "items": {"type": "object", **item}}


def _tidy(value: object, *, names: bool = False) -> object:
    """Without pydantic's titles, null defaults and closed objects (a consumer bears additions). `names`: keys are names of fields."""
    if isinstance(value, list):
        return [_tidy(each) for each in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, each in value.items():
        closed = key in {"title", "additionalProperties"} and isinstance(each, str | bool)
        if not names and (closed or (key == "default" and each is None)):
            continue
        out[key] = _tidy(each, names=key in {"properties", "$defs"} and not names)
    return out


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _events_page() -> str:
    lines = [
        "# Events 事件",
        "",
        "Printed from the message models by `python -m edge.uplink.schemas`; the schemas are in `schemas/`.",
        "Each event is a CloudEvent 1.0 in structured JSON: `id` = `<gateway>-<epoch>-<seq>`, `source` = `/anyu/<site>/<gateway>`,",
        f"`type`, `time`, `sequence`, `data`. Live it comes on `{ROOT}/<site>/<gateway>/evt/<class>`, later in arrays on `…/evtb`.",
        "A field that does not apply is absent. New fields and new events may be added; what is here keeps its meaning.",
    ]
    for title, base, but in (
        ("Every event 每个事件", Event, None),
        ("At a door 门上的事件: as well", AtDoor, Event),
        ("Of a person 人员事件: as well", OfPerson, AtDoor),
    ):
        own = [f for f in _fields(base) if but is None or f not in _fields(but)]
        lines += ["", f"## {title}", "", *_table(data_model(base), own)]
    for cls, word in words.CLASSES.items():
        lines += ["", f"## `{cls}` {word.en} {word.zh}"]
        for event in (e for e in EVENTS if cls == e.CLASS):
            base = next(b for b in (OfPerson, AtDoor, Event) if issubclass(event, b))
            kind = {OfPerson: "of a person", AtDoor: "at a door", Event: ""}[base]
            zh = words.event(f"{event.CLASS}.{event.NAME}").zh
            lines += ["", f"### `{event_type(event)}` {zh}", "", _one_line(event.__doc__) + (f" ({kind})" if kind else "")]
            own = [f for f in _fields(event) if f not in _fields(base)]
            lines += ["", *_table(data_model(event), own)] if own else []
    return "\n".join([*lines, *_acks_section()]) + "\n"


def _acks_section() -> list[str]:
    """What a centre says back, and which bytes it signs."""
    shape = Ack.model_json_schema()
    lines = ["", f"## `{ROOT}/<site>/<gateway>/ack/<consumer>` Acknowledgements 确认", "", inspect.cleandoc(Ack.__doc__ or "")]
    lines += ["", "| field | always | meaning |", "|---|---|---|"]
    for name, part in shape["properties"].items():
        lines.append(f"| `{name}` | {'yes' if name in shape['required'] else ''} | {part.get('description', 'Of the events.')} |")
    return [*lines, "", "### The signature 签名", "", *inspect.cleandoc(signature.__doc__ or "").splitlines()]


def _fields(event: type[Event]) -> list[str]:
    return list(data_model(event).model_fields)


def _table(model: type[BaseModel], fields: list[str]) -> list[str]:
    schema = model.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    rows = ["| field | 中文 | type | always | meaning |", "|---|---|---|---|---|"]
    for name in fields:
        word = words.field(name)
        kind = _kind(schema["properties"][name], schema.get("$defs", {})).replace("|", "\\|")
        rows.append(f"| `{name}` | {word.zh} | {kind} | {'yes' if name in required else ''} | {word.en} |")
    return rows


def _kind(shape: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in shape:
        return _kind(defs[shape["$ref"].rsplit("/", 1)[1]], defs)
    if "enum" in shape:
        return " · ".join(f"`{value}`" for value in shape["enum"])
    if shape.get("type") == "array":
        return f"list of {_kind(shape['items'], defs)}"
    return "RFC 3339 UTC" if shape.get("format") == "date-time" else str(shape.get("type", "any"))


def _asyncapi() -> str:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages = {name: {"payload": {"$ref": f"./schemas/{name}.json"}, "contentType": "application/json"} for name in (*PLAIN, "evtb")}
    messages["evtb"]["contentType"] = "application/cloudevents-batch+json"
    for event in EVENTS:
        name = f"{event.CLASS}.{event.NAME}.v1"
        summary = _one_line(event.__doc__)
        messages[name] = {"summary": summary, "contentType": "application/cloudevents+json", "payload": {"$ref": f"./schemas/{name}.json"}}
    plan: list[tuple[str, str, str, list[str], bool]] = [
        ("state", "state", "send", ["state"], True),
        ("health", "health", "send", ["health"], True),
        ("info", "info", "send", ["info"], True),
        ("evtb", "evtb", "send", ["evtb"], False),
        ("ack", "ack/{consumer}", "receive", ["ack"], False),
    ]
    of_class = {cls: [f"{e.CLASS}.{e.NAME}.v1" for e in EVENTS if cls == e.CLASS] for cls in words.CLASSES}
    plan += [(f"evt_{cls}", f"evt/{cls}", "send", names, False) for cls, names in of_class.items()]
    for key, rest, action, names, retain in plan:
        places = ["site", "gateway", *(["consumer"] if "{" in rest else [])]
        channels[key] = {
            "address": f"{ROOT}/{{site}}/{{gateway}}/{rest}",
            "parameters": {place: {"description": f"name of the {place}"} for place in places},
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        }
        operations[f"{action}_{key}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{key}"},
            "bindings": {"mqtt": {"qos": 1, "retain": retain}},
        }
    whole = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Anyu Edge 安寓边缘网关",
            "version": CONTRACT_VERSION,
            "description": "What a gateway says to the centre and hears from it, seen from the gateway. PUBACK is not delivery: the centre "
            "commits, then acknowledges the highest contiguous number; the gateway repeats what is not acknowledged. Consumers order and "
            "de-duplicate by gateway, epoch and number.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel declares it as None and documents False
    yaml.width = 140
    stream = io.StringIO()
    yaml.dump(whole, stream)
    return "# Printed by python -m edge.uplink.schemas\n" + stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
