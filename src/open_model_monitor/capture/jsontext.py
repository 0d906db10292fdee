"""JSON text as captured data spells it: duplicate keys, `NaN` and `Infinity`, integers of any size."""

from __future__ import annotations

import json

import msgspec

from open_model_monitor.capture.record import JSON

_decode = msgspec.json.Decoder().decode


def parse_json(text: str | bytes) -> JSON:
    """Return the value that `text` spells; the last of duplicate keys wins.

    Raises ValueError (RecursionError for absurd nesting included) if it is not JSON.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # The strict decoder refuses NaN, infinities, huge exponents and lone surrogates; the lenient one decides.
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError("JSON is nested too deeply") from error
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error
