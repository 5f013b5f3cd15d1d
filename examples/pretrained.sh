#!/bin/sh
# Train the model inside the package anew: IMDB's 25,000 training reviews.
# TENOR_DATA names the folder with aclImdb_v1.tar.gz.
set -eu
cd "$(dirname "$0")/.."
tenor train imdb ${TENOR_DATA:+--data-dir "$TENOR_DATA"} --preset fast -o src/tenor/pretrained/imdb --force
rm -rf src/tenor/pretrained/imdb.run
