"""Publishes one event, which is JSON on standard input, as somebody else's service would.

producer.py BROKERS TOPIC KEY                   as a structured CloudEvent
producer.py BROKERS TOPIC KEY REGISTRY SCHEMA   as Avro in Confluent's framing
"""

import json
import sys
from datetime import datetime

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, topic, key, *avro = sys.argv[1:]
event = json.load(sys.stdin)
if avro:
    registry, schema = avro
    with open(schema) as file:
        serializer = AvroSerializer(SchemaRegistryClient({"url": registry}), file.read())
    event["time"] = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    value, headers = serializer(event, SerializationContext(topic, MessageField.VALUE)), {}
else:
    value = json.dumps(event, ensure_ascii=False).encode()
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}

failures = []
producer = Producer({"bootstrap.servers": brokers, "message.timeout.ms": 30000})
producer.produce(topic, key=key, value=value, headers=headers, on_delivery=lambda error, _: failures.append(error))
left = producer.flush(30)
if left or failures != [None]:
    sys.exit(f"not delivered: {left} left, {failures}")
