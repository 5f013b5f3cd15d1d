"""How PyTorch computes: where, how exactly, on how many threads, and its smallest numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from tenor.config import ModelConfig, TrainConfig
from tenor.errors import UnsupportedError


def device_of(name: str) -> torch.device:
    """A device by its name, ``"cpu"`` or ``"cuda"``.

    Raises:
        UnsupportedError: it is not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        reason = "it was built without CUDA" if torch.version.cuda is None else "there is none, or no driver"
        raise UnsupportedError(f"PyTorch {torch.__version__} sees no GPU: {reason}; set device to cpu")
    return torch.device(name)


def autocast(config: TrainConfig, model: ModelConfig) -> AbstractContextManager[object]:
    """bf16 where the processor multiplies it in tiles; elsewhere, and for GRUs, it is slower.

    Raises:
        UnsupportedError: bf16 was asked for and PyTorch has no LSTM in it for this processor.
    """
    if config.device == "cuda":
        return torch.autocast("cuda", torch.bfloat16, enabled=config.precision == "bf16")
    if config.precision == "bf16" and model.cell == "lstm" and not has_bf16():
        raise UnsupportedError(
            "this processor cannot train an LSTM in bf16, which takes AVX-512; set --precision auto"
        )
    tiles = config.precision == "auto" and torch.cpu.get_capabilities().get("amx_bf16", False)
    if config.precision == "bf16" or (tiles and model.cell == "lstm"):
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()


def has_bf16() -> bool:
    """Whether PyTorch has an LSTM in bf16 for this processor."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Have PyTorch use so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exact_products() -> Iterator[None]:
    """On a GPU, cuDNN's layers would else round the factors of float32 products to 11 bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Gradients of early words vanish into numbers that processors handle 30 times as slowly."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
