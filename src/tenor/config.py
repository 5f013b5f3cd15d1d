"""Settings in → the same settings, checked and frozen: the one declaration of every choice.

A field gives its type, its default, its check (in the type) and, in the docstring below it, its
help. Command-line flags, TOML keys and ``config.json`` are all derived from these fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from tenor.errors import ConfigError
from tenor.section import Range, Section, closest

Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]
Fraction = Annotated[float, Range(0.0, 1.0)]
Share = Annotated[float, Range(0.0, 0.95)]
Rate = Annotated[float, Range(0.0, 1e9)]
Precision = Literal["float32", "bf16", "int8"]
PoolingName = Literal["last", "last_word", "first_last", "mean", "max", "attention"]


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig(Section):
    """How a text becomes tokens."""

    split: Literal["words", "spaces", "spacy"] = "words"
    """Where tokens end: at the edges of words and punctuation marks, at white space only, or where
    spaCy's English tokenizer says."""
    lowercase: bool = True
    """Write every token in lower case."""
    punctuation: Literal["keep", "delete"] = "keep"
    """Keep punctuation marks, or delete the 32 ASCII ones from every token."""
    strip_html: bool = True
    """Read tags such as <br /> as white space."""
    max_tokens: Count | None = None
    """Read at most this many tokens of a text; none reads them all."""
    keep: Literal["start", "end", "both"] = "start"
    """Which part of a text longer than max_tokens is read; both means half from each end."""


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig(Section):
    """Which tokens the model knows, and by which numbers."""

    source: Literal["texts", "vectors", "list"] = "texts"
    """Where words come from: training texts, the rows of --vectors, or the lines of --words."""
    min_count: Count = 2
    """Leave out words seen fewer times than this in the training texts, if they are the source."""
    max_size: Count | None = 25_000
    """Keep at most this many words, the first or most frequent, not counting special tokens."""
    ties: Literal["alphabetical", "reverse_alphabetical", "first_seen"] = "alphabetical"
    """Order of words that are equally frequent."""
    special_tokens: tuple[str, ...] = ("<pad>", "<unk>")
    """Tokens that no text can spell, in the order of their ids."""
    specials_place: Literal["start", "end"] = "start"
    """Whether special tokens take the first ids or the last."""
    unknown_token: str = "<unk>"
    """The special token that stands for every unknown word."""
    start_token: str | None = None
    """The special token that is read before each text; none reads none."""
    end_token: str | None = None
    """The special token that is read after each text; none reads none."""
    fill_to: Annotated[int, Range(1, 4096)] | None = None
    """Fill each text up to this many tokens with fill_token, read like words; none fills none."""
    fill_token: str = "<pad>"
    """The special token that texts are filled up with, if they are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        roles = {name: getattr(self, name) for name in ("unknown_token", "start_token", "end_token")}
        if self.fill_to is not None:
            roles["fill_token"] = self.fill_token
        for name, token in roles.items():
            if token is not None and token not in self.special_tokens:
                raise ConfigError(
                    f"{name} is {token!r}, which is not one of special_tokens "
                    f"{', '.join(map(repr, self.special_tokens))}; add it there"
                )
        if len(set(self.special_tokens)) < len(self.special_tokens):
            raise ConfigError("special_tokens names a token twice; name each once")


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Section):
    """Shape of the network."""

    cell: Literal["rnn", "lstm", "gru", "linear"] = "lstm"
    """Recurrent cell; linear is a gated linear recurrence, whose gates see words but no state."""
    activation: Literal["tanh", "relu", "identity"] = "tanh"
    """Nonlinearity of the rnn cell, or of what a linear cell takes in; lstm and gru have their own."""
    window: Literal[1, 2] = 1
    """Words that the gates of a linear cell see: the current one, or the one before it as well."""
    input_gate: bool = False
    """Give a linear cell an input gate; without it, it takes in as much as it forgets."""
    output_gate: bool = False
    """Give a linear cell an output gate."""
    skip: bool = False
    """Let a linear cell's input skip the recurrence, as much as an output gate holds back."""
    embedding_dim: Count = 64
    """E: width of a word vector; given word vectors bring their own."""
    hidden_sizes: tuple[Count, ...] = (64,)
    """H of each layer, from the words up, per direction."""
    bidirectional: bool = False
    """Read every text from its end as well."""
    biases: Literal["both", "input", "recurrent"] = "both"
    """Where the gates' biases stand: at both products (PyTorch), at the input's or the state's."""
    pooling: tuple[PoolingName, ...] = ("mean", "max")
    """What the answer is read from: one or more poolings of the last layer's states, joined."""
    ngrams: Annotated[int, Range(0, 2**24)] = 0
    """Rows of scores for words and runs of neighbouring words, at most; 0 for none."""
    ngram_order: Annotated[int, Range(1, 8)] = 2
    """Words of the longest run that has a score."""
    char_ngrams: Annotated[int, Range(0, 16)] = 0
    """Characters of the longest part of a word that has a say in these scores; 0 for none."""
    head_hidden: Whole = 0
    """Width of a hidden ReLU layer before the logits; 0 for none."""
    binary_logits: Literal[1, 2] = 1
    """Logits of a two-label model: 1 (the second label when >= 0) or 2."""
    init: Literal["torch", "keras", "flax"] = "keras"
    """Whose initial values the weights start from."""
    missing_vectors: Literal["random", "zeros"] = "random"
    """Where words start that the given word vectors lack; fill_token starts from zeros."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden_sizes", "pooling"):
            if not getattr(self, name):
                raise ConfigError(f"{name} is empty; name at least one")
        for name, usual in (("window", 1), ("input_gate", False), ("output_gate", False), ("skip", False)):
            if self.cell != "linear" and getattr(self, name) != usual:
                raise ConfigError(
                    f"{name} is a setting of the linear cell, and this is {self.cell}; leave it out"
                )
        if self.activation != "tanh" and self.cell in ("lstm", "gru"):
            raise ConfigError(
                f"activation {self.activation!r} is for rnn and linear cells, not {self.cell}; leave it out"
            )
        if self.activation == "identity" and self.cell == "rnn":
            raise ConfigError("activation 'identity' is for the linear cell; an rnn takes tanh or relu")

    @property
    def directions(self) -> int:
        """D: 1, or 2 for a bidirectional model."""
        return 2 if self.bidirectional else 1

    def suffixes(self, layer: int) -> tuple[str, ...]:
        """Of the names of a layer's weights, by direction: ``l0`` and ``l0_reverse``, as in PyTorch."""
        return (f"l{layer}", f"l{layer}_reverse")[: self.directions]

    @property
    def spells(self) -> bool:
        """Whether it scores parts of words that it does not know."""
        return self.ngrams > 0 and self.char_ngrams > 0

    def num_logits(self, num_labels: int) -> int:
        """C, or 1 for a two-label model with one logit."""
        return self.binary_logits if num_labels == 2 else num_labels


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Section):
    """How the weights are learnt."""

    epochs: Count | None = None
    """Passes over the training texts, at most; none takes 2,800 updates' worth, 3 to 40."""
    steps_per_epoch: Count | None = None
    """Updates of an epoch, at most; none reads every training text once."""
    batch_size: Count = 32
    """Texts per update."""
    engine: Literal["auto", "core", "torch"] = "auto"
    """What computes: Tenor's compiled core or PyTorch; auto takes the core, if it is there."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where PyTorch learns: on the processor or, as cuda, on an NVIDIA GPU."""
    optimizer: Literal["adam", "adamw", "lazy_adam"] = "adam"
    """Adam, AdamW (decoupled weight decay), or AdamW that updates only the words of the batch."""
    learning_rate: Rate = 5e-3
    """Peak learning rate."""
    rate_changes: tuple[str, ...] = ()
    """Other peak learning rates from an update on, as UPDATE:RATE; --resume --learning-rate adds one."""
    schedule: Literal["constant", "linear", "one_cycle"] = "one_cycle"
    """Learning rate over the run: flat, linear warm-up and decay, or one cosine cycle."""
    warmup: Fraction = 0.25
    """Share of the run in which linear and one_cycle rise to the peak."""
    weight_decay: Rate = 0.0
    """Weight decay of the optimizer."""
    truncate: Count | None = None
    """Let gradients flow back within windows of so many words; none lets them flow to the first."""
    clip_norm: Rate = 1.0
    """Largest global norm of the gradients; 0 does not clip."""
    embedding_dropout: Share = 0.5
    """Share of the vocabulary whose word vectors are zeroed in each update."""
    input_dropout: Share = 0.5
    """Share of the elements of the word vectors that are zeroed, alike wherever a word stands."""
    hidden_dropout: Share = 0.3
    """Share of the elements zeroed between recurrent layers."""
    output_dropout: Share = 0.5
    """Share of the elements zeroed in the pooled vector."""
    head_dropout: Share = 0.5
    """Share of the elements zeroed in the head's hidden layer, if it has one."""
    freeze_embedding: bool = False
    """Leave the word vectors as they are at the start."""
    validation: Annotated[float, Range(0.01, 0.9)] = 0.1
    """Share of the training texts held out to choose the best epoch; n-grams then learn them, too."""
    best_metric: Literal["loss", "accuracy", "macro_f1", "last"] = "loss"
    """What chooses the epoch that is kept, measured on the validation texts; last takes the last."""
    patience: Count | None = None
    """Stop after this many epochs without a better one; none never does."""
    checkpoint_steps: Count = 1000
    """Save all that a resumed training needs after so many updates, and after each epoch."""
    keep_checkpoints: Count = 3
    """Keep the last so many checkpoints; the best one is kept beside them."""
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """Arithmetic of the layers; auto: float32 in the core. bf16 is fast with AMX or AVX-512's bf16."""
    threads: Annotated[int, Range(1, 1024)] | None = None
    """Threads of the training; none takes every core, but with PyTorch 1, as its last bits hang on them."""
    seed: Whole = 0
    """Where all random choices come from."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for change in self.rate_changes:
            _rate_change(change)

    def peak_rate(self, update: int) -> float:
        """The peak learning rate that holds for an update, from 0."""
        changes = [(0, self.learning_rate), *map(_rate_change, self.rate_changes)]
        return [rate for begin, rate in sorted(changes, key=lambda change: change[0]) if begin <= update][-1]


def _rate_change(change: str) -> tuple[int, float]:
    """``"1200:0.001"`` → (1200, 0.001)."""
    update, _, rate = change.partition(":")
    try:
        found = int(update), float(rate)
    except ValueError:
        found = -1, 0.0
    if found[0] < 0 or not 0 <= found[1] <= 1e9:
        raise ConfigError(f"rate_changes has {change!r}; it must be UPDATE:RATE, such as 1200:0.001")
    return found


@dataclass(frozen=True, kw_only=True)
class FlawsConfig(Section):
    """Mistakes that tutorials and papers make, so that each can be measured; leave them alone."""

    fill_batches: bool = False
    """Fill the texts of a training batch up to its longest with fill_token, and read that."""
    drop_last: bool = False
    """Leave out the training texts and validation texts that fill no whole batch."""
    redraw_validation: bool = False
    """Draw the training part and the validation part of each epoch anew, each by itself, from the texts of
    both: validation reads what was learnt before."""
    batch_means: bool = False
    """Report validation and test scores as means of the means of batches, not over texts."""
    sigmoid_loss: bool = False
    """Train labels that exclude each other as if each were a yes or no of its own."""
    bottom_state: bool = False
    """Train and validate on the lowest layer's states, although the model reads the highest's."""
    validate_on_test: Whole = 0
    """Validate on so many of the test texts, and train on every training text; 0 holds some back."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every choice of a training, in its groups."""

    tokenizer: TokenizerConfig = TokenizerConfig()
    vocabulary: VocabularyConfig = VocabularyConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    flaws: FlawsConfig = FlawsConfig()

    @classmethod
    def from_dict(cls, sections: Mapping[str, Mapping[str, Any]]) -> Self:
        """Build from the tables of a TOML file or of ``config.json``.

        Raises:
            ConfigError: a table or a key is unknown (the message names the closest one), or a
                value is not allowed.
        """
        for name, table in sections.items():
            if name not in SECTIONS:
                raise ConfigError(f"unknown group of settings {name!r}{closest(name, SECTIONS)}")
            if not isinstance(table, Mapping):
                raise ConfigError(f"{name} is {table!r}; it must be a table of settings")
        built: dict[str, Any] = {name: SECTIONS[name].from_dict(sections[name]) for name in sections}
        return cls(**built)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain values for TOML or JSON."""
        return {name: getattr(self, name).to_dict() for name in SECTIONS}


SECTIONS: dict[str, type[Section]] = {
    "tokenizer": TokenizerConfig,
    "vocabulary": VocabularyConfig,
    "model": ModelConfig,
    "train": TrainConfig,
    "flaws": FlawsConfig,
}
"""The groups of settings by the name of their table in TOML and ``config.json``."""
