from typing import Any

import numpy as np
from numpy.typing import NDArray

def parse(
    text: bytes,
    delimiter: str,
    kinds: bytes,
    numbers: NDArray[np.float64],
    stride: int,
    rows: int,
    rest: bytearray,
    /,
) -> tuple[int, int]: ...
def scan(data: bytes, pieces: tuple[bytes, ...], kinds: bytes, /) -> tuple[int, list[bytearray]] | None: ...
def line_ends(data: bytes, /) -> int: ...
def line(mapping: dict[Any, Any], names: bytes, count: int, /) -> bytes | None: ...
def unseen(
    numbers: NDArray[np.float64], most: int, recent: NDArray[np.uint64], out: NDArray[np.uint64], /
) -> int: ...
def unique(hashes: NDArray[np.uint64], /) -> int: ...
