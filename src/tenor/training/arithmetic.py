"""How PyTorch computes while it trains: its precision, its threads, its smallest numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from tenor.config import ModelConfig, TrainConfig
from tenor.errors import UnsupportedError


def autocast(config: TrainConfig, model: ModelConfig) -> AbstractContextManager[object]:
    """bf16 where the processor multiplies it in tiles; elsewhere, and for GRUs, it is slower.

    Raises:
        UnsupportedError: bf16 was asked for and PyTorch has no LSTM in it for this processor.
    """
    if config.precision == "bf16" and model.cell == "lstm" and not _has_bf16():
        raise UnsupportedError(
            "this processor cannot train an LSTM in bf16, which takes AVX-512; set --precision auto"
        )
    tiles = config.precision == "auto" and torch.cpu.get_capabilities().get("amx_bf16", False)
    if config.precision == "bf16" or (tiles and model.cell == "lstm"):
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()


def _has_bf16() -> bool:
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
def denormals_flushed() -> Iterator[None]:
    """Gradients of early words vanish into numbers that processors handle 30 times as slowly."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
