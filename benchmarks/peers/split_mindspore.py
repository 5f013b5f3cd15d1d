"""Which texts MindSpore gives to training and to validation, epoch by epoch, split as the tutorial splits.

Prints a JSON list with, for each of five epochs, the share of the validation texts that training was given in
that epoch or before it.
"""

from __future__ import annotations

import json

from mindspore import dataset

TEXTS = 25_000
EPOCHS = 5
BATCH = 64


class Places:
    """A data set whose texts are their places."""

    def __getitem__(self, place: int) -> tuple[int]:
        return (place,)

    def __len__(self) -> int:
        return TEXTS


def main() -> None:
    """Split, and read both parts as often as the tutorial."""
    data = dataset.GeneratorDataset(Places(), column_names=["text"], shuffle=True)
    train, validation = (part.batch(BATCH, drop_remainder=True) for part in data.split([0.7, 0.3]))
    learnt: set[int] = set()
    shares = []
    for _ in range(EPOCHS):
        given, read = (
            {int(place) for (batch,) in part.create_tuple_iterator(output_numpy=True) for place in batch}
            for part in (train, validation)
        )
        learnt |= given
        shares.append(round(len(read & learnt) / len(read), 3))
    print(json.dumps(shares))


if __name__ == "__main__":
    main()
