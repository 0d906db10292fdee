"""Captures that were recorded, and what an ASGI application is told."""

import asyncio
import json
from pathlib import Path

KSERVE = {
    "ce-specversion": "1.0",
    "ce-id": "e58f",
    "ce-type": "org.kubeflow.serving.inference.request",
    "ce-source": "http://localhost:9081/",
    "ce-time": "2026-01-31T10:45:00.250Z",
    "ce-inferenceservicename": "iris",
    "content-type": "application/json",
}


def lines(folder):
    files = sorted(Path(folder).rglob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def live(app, started=lambda: None):
    """Tell an application to start and then to stop; returns what it answered."""
    sent = []

    async def receive():
        if receive.asked:
            started()
            return {"type": "lifespan.shutdown"}
        receive.asked = True
        return {"type": "lifespan.startup"}

    receive.asked = False

    async def send(message):
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    return sent
