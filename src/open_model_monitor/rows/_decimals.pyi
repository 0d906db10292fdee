from collections.abc import Buffer

def parse(
    text: bytes, delimiter: str, kinds: bytes, numbers: Buffer, stride: int, rows: int, rest: bytearray, /
) -> tuple[int, int]: ...
