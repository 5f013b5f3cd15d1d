"""Train, evaluate, read and ship recurrent text classifiers.

The path of one prediction, in reading order:

    text → tokenizer → vocabulary → batching → (native) → indexing → cells → encoder → pooling → head
         → ngrams → scorer → prediction

Everything on that path needs only NumPy, and so does training with the compiled core. Training lives
in ``tenor.training``, where PyTorch is the other engine and the reference.

Letters for axes, used in every docstring: ``B`` texts in the batch · ``T`` tokens of a text ·
``N`` tokens of the whole batch · ``V`` vocabulary · ``E`` embedding · ``H`` hidden, per direction
· ``D`` directions · ``L`` layers · ``P`` pooled vector · ``C`` labels. (PyTorch's manual calls the
batch ``N`` and the length ``L``.)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenor.classifier import Encoding, TextClassifier
    from tenor.config import ModelConfig, Settings, TokenizerConfig, TrainConfig, VocabularyConfig
    from tenor.errors import TenorError
    from tenor.evaluation import Evaluation, evaluate
    from tenor.prediction import Prediction
    from tenor.presets import preset
    from tenor.reading import Reading
    from tenor.training import train

__version__ = "0.1.0"

_HOMES = {
    "Encoding": "classifier",
    "Evaluation": "evaluation",
    "ModelConfig": "config",
    "Prediction": "prediction",
    "Reading": "reading",
    "Settings": "config",
    "TenorError": "errors",
    "TextClassifier": "classifier",
    "TokenizerConfig": "config",
    "TrainConfig": "config",
    "VocabularyConfig": "config",
    "evaluate": "evaluation",
    "preset": "presets",
    "train": "training",
}

__all__ = [
    "Encoding",
    "Evaluation",
    "ModelConfig",
    "Prediction",
    "Reading",
    "Settings",
    "TenorError",
    "TextClassifier",
    "TokenizerConfig",
    "TrainConfig",
    "VocabularyConfig",
    "evaluate",
    "preset",
    "train",
]


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562): ``tenor --help`` never pays for NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"tenor.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
