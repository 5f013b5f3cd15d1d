"""Files, folders, corpora and word vectors → examples and arrays.

               columns · decoding → records → tables ─┐
    published → fetching → archives → trees → corpora ┴→ loading → Dataset
    vectors → WordVectors

Nothing is unpacked onto the disk: archives are read as they lie.
"""

from tenor.data.columns import Asked
from tenor.data.corpora import CORPORA, Choices, read_corpus, read_unlabelled
from tenor.data.examples import Dataset, Example, build_dataset, dataset_of, hold_out, validate_on_test
from tenor.data.loading import Source, load
from tenor.data.tables import Layout, layout, read_examples, read_folder, read_texts
from tenor.data.vectors import WordVectors, read_vectors

__all__ = [
    "CORPORA",
    "Asked",
    "Choices",
    "Dataset",
    "Example",
    "Layout",
    "Source",
    "WordVectors",
    "build_dataset",
    "dataset_of",
    "hold_out",
    "layout",
    "load",
    "read_corpus",
    "read_examples",
    "read_folder",
    "read_texts",
    "read_unlabelled",
    "read_vectors",
    "validate_on_test",
]
