"""TF-IDF of words and word pairs, and logistic regression: the time to learn, and the accuracy.

Usage: python with_sklearn.py TRAIN TEST, files in fastText's format.
"""

import json
import sys
import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


def read(file: str) -> tuple[list[str], list[str]]:
    """Texts and labels."""
    with open(file, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").partition(" ") for line in lines]
    return [text for _, _, text in rows], [label for label, _, _ in rows]


began = time.perf_counter()
texts, labels = read(sys.argv[1])
vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
model = LogisticRegression(C=100, max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
seconds = time.perf_counter() - began
texts, labels = read(sys.argv[2])
accuracy = model.score(vectorizer.transform(texts), labels)
print(json.dumps({"seconds": seconds, "accuracy": accuracy}))
