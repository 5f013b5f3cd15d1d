// Inputs in → words' shares of the gates. Each is one sum: the bias, then the inputs in order, one
// fused multiply-add each. Units lie along the lanes and rows never meet, so neither vector width
// nor tile shape can change a bit.
#pragma once

#include "kernels.hpp"
#include "math.hpp"

namespace tenor::TENOR_ISA {

constexpr int kTileFloats = kTile * kLanes;

struct Projection {
  const Layer& layer;
  const float* const* in;
  float* out;

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t tile) const {
    Vec sums[R][V][kTile];
    const float* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = in[row + r];
      for (int v = 0; v < V; ++v)
        for (int i = 0; i < kTile; ++i)
          sums[r][v][i] = load(layer.bias + (tile + v) * kTileFloats + i * kLanes);
    }
    const int64_t width = layer.inputs;
    const float* weights = layer.ih + tile * width * kTileFloats;
    for (int64_t k = 0; k < width; ++k, weights += kTileFloats) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
#pragma GCC unroll 4
        for (int i = 0; i < kTile; ++i) {
          const Vec weight = load(weights + v * width * kTileFloats + i * kLanes);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) sums[r][v][i] = fma(splat(rows[r][k]), weight, sums[r][v][i]);
        }
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v)
        for (int i = 0; i < kTile; ++i)
          store(out + (row + r) * layer.share + (tile + v) * kTileFloats + i * kLanes, sums[r][v][i]);
  }
};

// The last rows, fewer than a tile's. A single row takes two tiles, else it would wait for its sums.
template <int R, class Work>
TENOR_INLINE void remainder(const Work& work, int row, int rows, int64_t tiles) {
  if constexpr (R > 0) {
    if (rows != R) return remainder<R - 1>(work, row, rows, tiles);
    int64_t tile = 0;
    if constexpr (R == 1)
      for (; tile + 2 <= tiles; tile += 2) work.template tile<1, 2>(row, tile);
    for (; tile < tiles; ++tile) work.template tile<R, 1>(row, tile);
  }
}

template <int R, class Work>
TENOR_INLINE void tiles(const Work& work, int rows, int64_t count) {
  const int whole = rows - rows % R;
  for (int64_t tile = 0; tile < count; ++tile)
    for (int row = 0; row < whole; row += R) work.template tile<R, 1>(row, tile);
  remainder<R - 1>(work, whole, rows - whole, count);
}

// (rows, share) of the inputs of so many words.
TENOR_INLINE void project(const Layer& layer, const float* const* in, int rows, float* out) {
  tiles<tile_rows(kTile, kFusing)>(Projection{layer, in, out}, rows, layer.tiles);
}

// What was computed before of a word.
TENOR_INLINE const float* known(const Layer& layer, const Shares& shares, int64_t word) {
  const int64_t row = shares.row_of[word];
  return row < shares.rows ? shares.table + row * layer.kept
                           : shares.more + (row - shares.rows) * layer.kept;
}

}  // namespace tenor::TENOR_ISA
