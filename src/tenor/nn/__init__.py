"""Tenor's recurrent layers for networks of your own in PyTorch, on a processor.

``Recurrent`` stands where ``torch.nn.LSTM``, ``GRU`` or ``RNN`` would, takes their weights, and reads
texts of any lengths without padding. It computes in Tenor's compiled core.
"""

from tenor.nn.recurrent import Recurrent

__all__ = ["Recurrent"]
