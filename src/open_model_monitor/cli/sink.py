"""`omm sink`: a service that inference loggers post to."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from open_model_monitor.cli.parameters import OUTPUT, WORK, option
from open_model_monitor.errors import UsageError


def sink(
    destination: Annotated[str, Parameter(help="Folder or address below which captures are written.")],
    /,
    *,
    host: Annotated[str, option(WORK, "Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, option(WORK, "Port to listen on.")] = 8080,
    sampling: Annotated[
        float, option(OUTPUT, "Per cent of the predictions to keep; all unless told.")
    ] = 100.0,
    flush_seconds: Annotated[
        float, option(OUTPUT, "Seconds until what came is written; 60 unless told.")
    ] = 60.0,
) -> int:
    """Take CloudEvents of KServe's inference logger and write captures.

    Each inference service becomes an endpoint below the destination.
    GET / says what was counted. There is no password: let only your
    cluster reach it.

    For example:

        omm sink captures/
        omm sink s3://bucket/captures --host 0.0.0.0 --sampling 20
    """
    try:
        import uvicorn
    except ImportError:
        raise UsageError(
            "omm sink needs the server's extra: pip install 'open-model-monitor[server]'"
        ) from None
    from open_model_monitor.recording.sink import CaptureSink
    from open_model_monitor.storage import normalise

    app = CaptureSink(normalise(destination), sampling_percentage=sampling, flush_seconds=flush_seconds)
    uvicorn.run(app, host=host, port=port, access_log=False)
    return 0
