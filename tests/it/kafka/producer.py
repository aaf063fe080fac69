"""Publishes one event as somebody else's service would: BROKERS TOPIC KEY, the event as JSON on standard input."""

import json
import sys

from confluent_kafka import Producer

brokers, topic, key = sys.argv[1:]
event = json.load(sys.stdin)
failures = []
producer = Producer({"bootstrap.servers": brokers, "message.timeout.ms": 30000})
producer.produce(
    topic,
    key=key,
    value=json.dumps(event, ensure_ascii=False).encode(),
    headers={"content-type": "application/cloudevents+json; charset=utf-8"},
    on_delivery=lambda error, _: failures.append(error) if error else None,
)
left = producer.flush(30)
if left or failures:
    sys.exit(f"not delivered: {left} left, {failures}")
