#!/bin/sh
# The main job on 10,662 real sentences: train, evaluate, label, read word by word. About a minute.
set -eu
cd "$(dirname "$0")/.."
mkdir -p demo

echo "── train: 10,662 sentences from film reviews, a tenth of them held out"
tenor train sentence-polarity -o demo/polarity --force

echo "── evaluate on the held-out sentences"
tenor evaluate demo/polarity sentence-polarity --json > demo/evaluation.json
cat demo/evaluation.json

echo "── label a few sentences"
tenor predict -m demo/polarity \
    "An engaging story with wonderful performances." \
    "A dull, lifeless mess." \
    "it was the worst movie i have ever seen"

echo "── read one of them word by word"
tenor read -m demo/polarity "it was the worst movie i have ever seen" \
    --svg demo/reading.svg --force > demo/reading.json

echo
echo "look at: demo/polarity/README.md (model card), demo/polarity.run/curves.svg, demo/reading.svg"
