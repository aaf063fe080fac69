#!/usr/bin/env python3
"""Writes cases.json: data that a writer of Avro other than ours has written.

    pip install fastavro==1.13.1 && python3 make.py

Each case has the writer's schema (and those that it refers to), the datum in hex and the `data` that
the event must have once it is read.
"""
import io
import json
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import fastavro

HERE = Path(__file__).resolve().parent
SCHEMAS = HERE.parents[3] / "schemas"
TIME = datetime(2026, 3, 5, 8, 58, 12, 345000, tzinfo=timezone.utc)
SHOP = {"shop": "maison-aubert", "order_id": "MA-2026-00417"}


def ours(name):
    return json.loads((SCHEMAS / "avro" / f"{name}.avsc").read_text())


def record(name, fields, namespace="com.example"):
    return {"type": "record", "name": name, "namespace": namespace, "fields": fields}


def field(name, kind, **more):
    return {"name": name, "type": kind, **more}


def event(name, data_fields, time="timestamp-millis", more=()):
    data = record(f"{name}Data", data_fields)
    moment = {"type": "long", "logicalType": time}
    return record(name, [field("id", "string"), field("source", "string"), *more, field("time", moment), field("data", data)])


def written(schema, value, references=()):
    names = {}
    for reference in references:
        fastavro.parse_schema(reference, names)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema)), names), value)
    return out.getvalue().hex()


def case(name, schema, data, expected, references=(), **attributes):
    value = {"id": "evt-1", "source": "/fastavro", "time": TIME, "data": data, **attributes}
    return {
        "name": name,
        "schema": schema,
        "references": list(references),
        "datum": written(schema, value, references),
        "data": expected,
    }


TEXT = field("shop", "string"), field("order_id", "string")
ENUM = {"type": "enum", "name": "Status", "symbols": ["in_transit", "delivered"]}
AMOUNT = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
SCAN = [field("shop", "string"), field("carrier", "string"), field("tracking_number", "string")]
SCANNED = {"shop": "maison-aubert", "carrier": "dhl", "tracking_number": "JD01"}
FULL = {**SCANNED, "status": "delivered", "code": "AARCFM", "place": "Łódź ☂", "delivered_to": None}
REFERRED = record("Keys", [*TEXT])

cases = [
    case("ours as published", ours("order.confirmed"), SHOP, SHOP),
    case("ours with optional fields", ours("parcel.tracked"), FULL, {**SCANNED, "status": "delivered", "code": "AARCFM", "place": "Łódź ☂"}),
    case("another namespace and a field that we do not have",
         event("OrderConfirmed", [*TEXT, field("warehouse", "string")]), {**SHOP, "warehouse": "Lyon"}, SHOP),
    case("an enum for a text, and what is optional left out",
         event("ParcelTracked", [*SCAN, field("status", ENUM)]), {**SCANNED, "status": "delivered"}, {**SCANNED, "status": "delivered"}),
    case("microseconds", event("OrderConfirmed", list(TEXT), time="timestamp-micros"), SHOP, SHOP),
    case("a decimal for an amount",
         event("OrderRefunded", [*TEXT, field("amount", AMOUNT)]), {**SHOP, "amount": Decimal("12.05")}, {**SHOP, "amount": "12.05"}),
    case("a field of its own before ours",
         event("OrderConfirmed", list(TEXT), more=[field("attempt", ["null", "int"])]), SHOP, SHOP, attempt=3),
    case("another schema that it refers to",
         record("OrderConfirmed", [field("id", "string"), field("source", "string"),
                field("time", {"type": "long", "logicalType": "timestamp-millis"}), field("data", "com.example.Keys")]),
         SHOP, SHOP, references=[REFERRED]),
]
(HERE / "cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
