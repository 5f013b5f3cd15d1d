"""The package's folder in → the compiled core, loaded once, or the reason why it cannot be."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from typing import Any, NamedTuple

from tenor.errors import InputError, NativeError

INTERFACE = 14
"""``TENOR_INTERFACE`` of the ``tenor.h`` that this code was written for."""

REBUILD = (
    "install a C++ compiler (Debian, Ubuntu: apt install g++), then in Tenor's sources type"
    " TENOR_REQUIRE_NATIVE=1 pip install --force-reinstall --no-deps ."
)

_NAMES = {"darwin": "libtenor_core.dylib", "win32": "tenor_core.dll"}
_BAD_ISA, _BAD_THREADS, _NO_MEMORY = 1, 2, 6  # tenor_result


class LayerSettings(ctypes.Structure):
    """``tenor_layer_settings`` of ``tenor.h``: what a layer is."""

    _fields_ = (
        ("cell", ctypes.c_char_p),
        ("activation", ctypes.c_char_p),
        ("inputs", ctypes.c_int64),
        ("hidden", ctypes.c_int64),
        ("previous", ctypes.c_int32),
        ("input_gate", ctypes.c_int32),
        ("output_gate", ctypes.c_int32),
        ("skip", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("bounded_inputs", ctypes.c_int32),
        ("weight_ih", ctypes.c_void_p),
        ("weight_previous", ctypes.c_void_p),
        ("weight_hh", ctypes.c_void_p),
        ("bias_ih", ctypes.c_void_p),
        ("bias_hh", ctypes.c_void_p),
    )


class LayerPass(ctypes.Structure):
    """``tenor_pass`` of ``tenor.h``: what a pass reads and fills."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("x_stride", ctypes.c_int64),
        ("token_ids", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("texts", ctypes.c_int64),
        ("words", ctypes.c_int64),
        ("reverse", ctypes.c_int32),
        ("initial_h", ctypes.c_void_p),
        ("initial_c", ctypes.c_void_p),
        ("initial_carry", ctypes.c_void_p),
        ("states", ctypes.c_void_p),
        ("states_stride", ctypes.c_int64),
        ("final_h", ctypes.c_void_p),
        ("final_c", ctypes.c_void_p),
        ("final_carry", ctypes.c_void_p),
        ("start_h", ctypes.c_void_p),
        ("sum_h", ctypes.c_void_p),
        ("max_h", ctypes.c_void_p),
    )


class ReaderSettings(ctypes.Structure):
    """``tenor_reader_settings`` of ``tenor.h``: how texts are cut, and what words there are."""

    _fields_ = (
        ("split_spaces", ctypes.c_int32),
        ("lowercase", ctypes.c_int32),
        ("delete_punctuation", ctypes.c_int32),
        ("tags", ctypes.c_char_p),
        ("max_tokens", ctypes.c_int64),
        ("keep", ctypes.c_int32),
        ("words", ctypes.c_char_p),
        ("word_offsets", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("unknown_id", ctypes.c_int32),
        ("before", ctypes.c_void_p),
        ("after", ctypes.c_void_p),
        ("before_count", ctypes.c_int64),
        ("after_count", ctypes.c_int64),
        ("fill_to", ctypes.c_int64),
        ("fill_id", ctypes.c_int32),
        ("spells", ctypes.c_int32),
    )


class Texts(ctypes.Structure):
    """``tenor_texts`` of ``tenor.h``: texts to be read, and their ids to be filled."""

    _fields_ = (
        ("bytes", ctypes.c_char_p),
        ("text_offsets", ctypes.c_void_p),
        ("texts", ctypes.c_int64),
        ("token_ids", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("truncated", ctypes.c_void_p),
        ("pages", ctypes.c_void_p),
    )


class ModelSettings(ctypes.Structure):
    """``tenor_model_settings`` of ``tenor.h``: what a whole model is."""

    _fields_ = (
        ("reader", ctypes.c_void_p),
        ("layers", ctypes.c_void_p),
        ("depth", ctypes.c_int64),
        ("directions", ctypes.c_int64),
        ("poolings", ctypes.c_void_p),
        ("pooling_count", ctypes.c_int64),
        ("pooled", ctypes.c_int64),
        ("hidden_weight", ctypes.c_void_p),
        ("hidden_bias", ctypes.c_void_p),
        ("hidden", ctypes.c_int64),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("logits", ctypes.c_int64),
        ("ngrams", ctypes.c_void_p),
        ("owners", ctypes.c_void_p),
        ("ngram_rows", ctypes.c_int64),
        ("ngram_order", ctypes.c_int32),
        ("char_ngrams", ctypes.c_int32),
    )


class Pieces(ctypes.Structure):
    """``tenor_pieces`` of ``tenor.h``: one text, and its tokens to be filled."""

    _fields_ = (
        ("bytes", ctypes.c_char_p),
        ("size", ctypes.c_int64),
        ("token_ids", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("ends", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("pages", ctypes.c_void_p),
    )


class Product(ctypes.Structure):
    """``tenor_product`` of ``tenor.h``."""

    _fields_ = (
        ("a", ctypes.c_void_p),
        ("a_row", ctypes.c_int64),
        ("a_column", ctypes.c_int64),
        ("b", ctypes.c_void_p),
        ("b_row", ctypes.c_int64),
        ("b_column", ctypes.c_int64),
        ("bias", ctypes.c_void_p),
        ("c", ctypes.c_void_p),
        ("c_row", ctypes.c_int64),
        ("m", ctypes.c_int64),
        ("k", ctypes.c_int64),
        ("n", ctypes.c_int64),
        ("add", ctypes.c_int32),
        ("precision", ctypes.c_int32),
    )


class LearningPass(ctypes.Structure):
    """``tenor_learning_pass`` of ``tenor.h``."""

    _fields_ = (
        ("cell", ctypes.c_char_p),
        ("activation", ctypes.c_char_p),
        ("previous", ctypes.c_int32),
        ("input_gate", ctypes.c_int32),
        ("output_gate", ctypes.c_int32),
        ("skip", ctypes.c_int32),
        ("reverse", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("hidden", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("known", ctypes.c_int64),
        ("words", ctypes.c_int64),
        ("texts", ctypes.c_int64),
        ("truncate", ctypes.c_int64),
        ("weight_hh", ctypes.c_void_p),
        ("state_bias", ctypes.c_void_p),
        ("shares", ctypes.c_void_p),
        ("given", ctypes.c_void_p),
        ("row_of", ctypes.c_void_p),
        ("x", ctypes.c_void_p),
        ("x_stride", ctypes.c_int64),
        ("weight_ih", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("states", ctypes.c_void_p),
        ("states_stride", ctypes.c_int64),
        ("final_h", ctypes.c_void_p),
        ("start_h", ctypes.c_void_p),
        ("sum_h", ctypes.c_void_p),
        ("max_h", ctypes.c_void_p),
        ("d_states", ctypes.c_void_p * 2),
        ("d_states_stride", ctypes.c_int64),
        ("d_final", ctypes.c_void_p),
        ("d_start", ctypes.c_void_p),
        ("d_sum", ctypes.c_void_p),
        ("d_max", ctypes.c_void_p),
        ("d_shares", ctypes.c_void_p),
        ("d_given", ctypes.c_void_p),
        ("d_x", ctypes.c_void_p),
        ("d_weight_ih", ctypes.c_void_p),
        ("d_weight_hh", ctypes.c_void_p),
        ("d_bias", ctypes.c_void_p),
        ("d_state_bias", ctypes.c_void_p),
        ("kept", ctypes.c_void_p),
        ("kept_size", ctypes.c_int64),
    )


class Adam(ctypes.Structure):
    """``tenor_adam`` of ``tenor.h``."""

    _fields_ = (
        ("weight", ctypes.c_void_p),
        ("mean", ctypes.c_void_p),
        ("square", ctypes.c_void_p),
        ("row_ids", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("decay", ctypes.c_float),
        ("fresh1", ctypes.c_float),
        ("beta2", ctypes.c_float),
        ("fresh2", ctypes.c_float),
        ("epsilon", ctypes.c_float),
        ("steps", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    )


class Dropout(ctypes.Structure):
    """``tenor_dropout`` of ``tenor.h``."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("ids", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("row_share", ctypes.c_float),
        ("share", ctypes.c_float),
        ("row_seed", ctypes.c_uint32),
        ("seed", ctypes.c_uint32),
    )


class RowLists(ctypes.Structure):
    """``tenor_row_lists`` of ``tenor.h``."""

    _fields_ = (
        ("rows", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("items", ctypes.c_void_p),
        ("shares", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("lists", ctypes.c_int64),
        ("sums", ctypes.c_void_p),
    )


class Loaded(NamedTuple):
    """The outcome of looking for the core."""

    core: ctypes.CDLL | None
    """The library, ready to be called; None where there is none."""
    path: str | None
    """The file, if there is one."""
    reason: str | None
    """None, or why ``core`` is None and what to do."""


@functools.cache
def load() -> Loaded:
    """Find the library in the package and check that it can run here. Later calls cost nothing."""
    path = _find()
    if path is None:
        return Loaded(
            core=None,
            path=None,
            reason=f"this installation holds no compiled core, so NumPy computes; {REBUILD}",
        )
    try:
        core = ctypes.CDLL(path)
    except OSError as error:
        reason = f"the compiled core cannot be loaded ({error}); {REBUILD}"
        return Loaded(core=None, path=path, reason=reason)
    refused = _declare(core, path)
    return Loaded(core=None if refused else core, path=path, reason=refused)


def core() -> ctypes.CDLL:
    """The library.

    Raises:
        NativeError: there is none; the message says why and what to do.
    """
    loaded = load()
    if loaded.core is None:
        raise NativeError(loaded.reason)
    return loaded.core


def check(result: int) -> None:
    """Raise what the core refused: InputError, or NativeError where the caller is not at fault."""
    if result:
        error = NativeError if result == _NO_MEMORY else InputError
        raise error(core().tenor_message(result).decode())


class Owner:
    """Something in the core, which is given back when nothing holds it any more."""

    def __init__(self, kind: str, *settings: Any) -> None:
        """Make it with ``tenor_KIND_create``; ``tenor_KIND_destroy`` gives it back.

        Raises:
            NativeError: there is no compiled core, or too little memory.
            InputError: the core refuses the settings.
        """
        self._core = core()
        self._destroy = getattr(self._core, f"tenor_{kind}_destroy")
        self.handle = ctypes.c_void_p()
        check(getattr(self._core, f"tenor_{kind}_create")(*settings, ctypes.byref(self.handle)))

    def __del__(self) -> None:
        """Give it back."""
        if getattr(self, "handle", None):
            self._destroy(self.handle)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be copied: a copy would give the same memory back twice."""
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied; make it anew")


def _find() -> str | None:
    # An editable installation has two folders: the sources and what was built from them.
    package = sys.modules[__package__ or "tenor.native"]
    name = _NAMES.get(sys.platform, "libtenor_core.so")
    paths = (os.path.join(folder, name) for folder in package.__path__)
    return next(filter(os.path.isfile, paths), None)


def _declare(core: ctypes.CDLL, path: str) -> str | None:
    """Give the functions their types; say why the library cannot be used, None if it can."""
    if not hasattr(core, "tenor_interface") or core.tenor_interface() != INTERFACE:
        return f"{path} belongs to another version of Tenor; {REBUILD}"
    size, pointer, name = ctypes.c_int64, ctypes.c_void_p, ctypes.c_char_p
    core.tenor_message.restype = name
    core.tenor_isa.restype = name
    core.tenor_isas.restype = name
    core.tenor_set_threads.argtypes = [ctypes.c_int32]
    core.tenor_activation.argtypes = [name, name, pointer, pointer, size]
    core.tenor_roof.argtypes = [
        name,
        *(ctypes.c_int32,) * 2,
        ctypes.c_double,
        ctypes.POINTER(ctypes.c_double),
    ]
    core.tenor_layer_create.argtypes = [name, ctypes.POINTER(LayerSettings), ctypes.POINTER(pointer)]
    core.tenor_layer_destroy.argtypes = [pointer]
    core.tenor_layer_destroy.restype = None
    core.tenor_layer_fold.argtypes = [pointer, pointer, size, size]
    core.tenor_layer_forward.argtypes = [pointer, ctypes.POINTER(LayerPass)]
    core.tenor_model_create.argtypes = [name, ctypes.POINTER(ModelSettings), ctypes.POINTER(pointer)]
    core.tenor_model_destroy.argtypes = [pointer]
    core.tenor_model_destroy.restype = None
    core.tenor_model_read.argtypes = [pointer, ctypes.POINTER(Texts), pointer]
    core.tenor_model_read_ids.argtypes = [pointer, pointer, pointer, size, pointer]
    core.tenor_model_head.argtypes = [pointer, pointer, size, pointer]
    _declare_text(core)
    _declare_training(core)
    return _setting(core)


def _declare_text(core: ctypes.CDLL) -> None:
    size, pointer = ctypes.c_int64, ctypes.c_void_p
    core.tenor_reader_create.argtypes = [ctypes.POINTER(ReaderSettings), ctypes.POINTER(pointer)]
    core.tenor_reader_destroy.argtypes = [pointer]
    core.tenor_reader_destroy.restype = None
    core.tenor_reader_learn.argtypes = [pointer, size, pointer, pointer]
    core.tenor_reader_room.argtypes = [pointer, size, size]
    core.tenor_reader_room.restype = size
    core.tenor_reader_encode.argtypes = [pointer, ctypes.POINTER(Texts)]
    core.tenor_words_create.argtypes = [ctypes.POINTER(pointer)]
    core.tenor_words_destroy.argtypes = [pointer]
    core.tenor_words_destroy.restype = None
    core.tenor_words_number.argtypes = [pointer, pointer, ctypes.POINTER(Texts), ctypes.POINTER(size)]
    core.tenor_words_spelled.argtypes = [pointer, *(ctypes.POINTER(pointer),) * 2, ctypes.POINTER(size)]
    core.tenor_words_spelled.restype = None
    core.tenor_reader_tokenize.argtypes = [pointer, ctypes.POINTER(Pieces)]


def _declare_training(core: ctypes.CDLL) -> None:
    size, pointer = ctypes.c_int64, ctypes.c_void_p
    core.tenor_multiply.argtypes = [ctypes.POINTER(Product)]
    core.tenor_learner_create.argtypes = [ctypes.POINTER(pointer)]
    core.tenor_learner_destroy.argtypes = [pointer]
    core.tenor_learner_destroy.restype = None
    core.tenor_learner_known.argtypes = [
        pointer, pointer, size, size, pointer, pointer, ctypes.POINTER(size),
    ]  # fmt: skip
    for function in (core.tenor_learner_forward, core.tenor_learner_backward):
        function.argtypes = [pointer, ctypes.POINTER(LearningPass), size]
    core.tenor_adam_learn.argtypes = [ctypes.POINTER(Adam), ctypes.c_void_p, ctypes.c_float]
    core.tenor_adam_catch_up.argtypes = [ctypes.POINTER(Adam), ctypes.c_void_p]
    core.tenor_drop.argtypes = [ctypes.POINTER(Dropout)]
    core.tenor_sum_lists.argtypes = [ctypes.POINTER(RowLists)]


def _setting(core: ctypes.CDLL) -> str | None:
    """Which environment variable holds a value that cannot be used; None if none does."""
    ready = core.tenor_ready()
    if ready == _BAD_ISA:
        have = ", ".join(core.tenor_isas().decode().split())
        value = os.environ.get("TENOR_ISA")
        return f"TENOR_ISA={value!r} is not one of {have}, which this processor has; unset it"
    if ready == _BAD_THREADS:
        value = os.environ.get("TENOR_THREADS")
        return f"TENOR_THREADS={value!r} is not a whole number from 1 to 1024; unset it"
    return None
