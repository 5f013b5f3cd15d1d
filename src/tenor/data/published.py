"""The official addresses: every file that Tenor can fetch, with its size and its hash.

Hashes and sizes of files that could not be fetched where this was written are those on which
public records agree; each download is checked against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Published:
    """A file as its makers publish it."""

    url: str
    size_bytes: int
    sha256: str
    copies: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of other files of this name that hold the same → what they are."""

    def knows(self, sha256: str) -> bool:
        """Whether a hash is the official file's, or that of a copy known to be sound."""
        return sha256 == self.sha256 or sha256 in self.copies


PUBLISHED = {
    "aclImdb_v1.tar.gz": Published(
        url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        size_bytes=84_125_825,
        sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        copies={
            "b9013fc7dc8fdb07a9bef48f0baa11f9f6d1f548134b1475f165d8f0fd1bd4e9": (
                "the same texts without the bag-of-words files, 56,743,795 bytes"
            ),
        },
    ),
    "rt-polaritydata.tar.gz": Published(
        url="https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
        size_bytes=487_770,
        sha256="a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
        copies={
            "6a85d0f49c9e48409ed7586d302809a1f7a96fdf39deb7254493c0685cca5527": (
                "in UTF-8, as Tenor's repository ships it, 487,514 bytes"
            ),
        },
    ),
    "trainDevTestTrees_PTB.zip": Published(
        url="https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
        size_bytes=789_539,
        sha256="5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
        copies={
            "fb4478eda29c4e27bfc8db86c220b822fafa0f31c34193af6820bd58a88b9201": (
                "the same trees, packed again, 789,996 bytes"
            ),
        },
    ),
    "glove.6B.zip": Published(
        url="https://nlp.stanford.edu/data/glove.6B.zip",
        size_bytes=862_182_613,
        sha256="617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
    ),
}
"""By the file's name."""
