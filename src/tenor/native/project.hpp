// Inputs in → words' shares of the gates. Each is one sum: the bias, then the inputs in order, one
// fused multiply-add each. Units lie along the lanes and rows never meet, so neither vector width
// nor tile shape can change a bit.
#pragma once

#include "whole.hpp"

namespace tenor::TENOR_ISA {

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

TENOR_INLINE void project_floats(const Layer& layer, const float* const* in, int rows, float* out) {
  tiles<tile_rows(kTile, kFusing)>(Projection{layer, in, out}, rows, layer.tiles);
}

// The same of inputs of -1 to 1 that are rounded to whole numbers first.
struct WholeProjection {
  const Layer& layer;
  float* out;

  TENOR_INLINE void operator()(int row, int64_t tile, const Int (&products)[kTile]) const {
    for (int i = 0; i < kTile; ++i) {
      const int64_t at = tile * kTileFloats + i * kLanes;
      store(out + row * layer.share + at, fma(__builtin_convertvector(products[i], Vec),
                                              load(layer.ih_whole.scale + at), load(layer.bias + at)));
    }
  }
};

// (rows, share) of the inputs of so many words.
TENOR_INLINE void project(const Layer& layer, const float* const* in, int rows, void* rounded, Tiles& tiled,
                          float* out) {
  if (!layer.ih_whole.weights) return project_floats(layer, in, rows, out);
  Whole* const whole = static_cast<Whole*>(rounded);
  for (int row = 0; row < rows; ++row) round_states(in[row], layer.inputs, whole + row * layer.ih_whole.inner);
  multiply_whole<kTile>(layer.ih_whole, whole, rows, layer.tiles, tiled, WholeProjection{layer, out});
}

// What was computed before of a word.
TENOR_INLINE const float* known(const Layer& layer, const Shares& shares, int64_t word) {
  const int64_t row = shares.row_of[word];
  return row < shares.rows ? shares.table + row * layer.kept
                           : shares.more + (row - shares.rows) * layer.kept;
}

}  // namespace tenor::TENOR_ISA
