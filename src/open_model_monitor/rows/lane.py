"""The reference lane: one block in, batches out, item by item. Steps 2 to 4 of a run.

The same code runs in our process without a script, and in the script's own process with one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from open_model_monitor.capture.items import items
from open_model_monitor.capture.record import Block, Counts, Format, Item, Row, Window
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.texts import Line

InHand = list[int] | memoryview  # the number of the line that is worked on
Rows = Callable[[Item, Counts], Sequence[Row | Line]]


@dataclass(frozen=True, slots=True)
class Lane:
    """How items become rows: by the user's handler, or by the default conversion."""

    format: Format
    converter: Converter
    preprocess: Rows | None = None
    window: Window | None = None
    variants: tuple[str, ...] = ()

    def batches(self, block: Block, counts: Counts) -> Iterator[pa.RecordBatch]:
        """Yield the batches of one block by itself."""
        batcher = Batcher(counts)
        yield from self.feed(block, counts, batcher)
        if (batch := batcher.flush()) is not None:
            yield batch

    def feed(
        self, block: Block, counts: Counts, batcher: Batcher, in_hand: InHand | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Put the rows of a block into `batcher`; yields each batch that is full.

        `in_hand[0]` is kept at the line of the item that is worked on.
        """
        hand = [0] if in_hand is None else in_hand
        # Every block of a CSV object carries the header; a handler sees it once per object.
        convert, preprocess = self.converter.rows, self.preprocess or self.converter.rows
        for item in items(block, self.format, counts, window=self.window, variants=self.variants):
            hand[0] = item.origin.line
            work = convert if item.header and not block.starts_object else preprocess
            for row in work(item, counts):
                batcher.add(row)
                if batcher.full and (batch := batcher.flush()) is not None:
                    yield batch
