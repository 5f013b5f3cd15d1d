"""Files, folders, corpora and word vectors → examples and arrays.

    columns · decoding → records → tables ─┐
                         corpora ──────────┴→ loading → Dataset
    vectors → WordVectors

Nothing is unpacked onto the disk and nothing is fetched: archives are read as they lie.
"""

from tenor.data.columns import Asked
from tenor.data.corpora import CORPORA, read_corpus
from tenor.data.examples import Dataset, Example, build_dataset, hold_out
from tenor.data.loading import Source, load
from tenor.data.tables import read_examples, read_folder, read_texts
from tenor.data.vectors import WordVectors, read_vectors

__all__ = [
    "CORPORA",
    "Asked",
    "Dataset",
    "Example",
    "Source",
    "WordVectors",
    "build_dataset",
    "hold_out",
    "load",
    "read_corpus",
    "read_examples",
    "read_folder",
    "read_texts",
    "read_vectors",
]
