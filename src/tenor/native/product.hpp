// Products of matrices of one instruction set. Each element is one sum over the inner dimension in
// order, a fused multiply-add each: rows, columns, tiles and threads change no bit.
#pragma once

#include "blocks.hpp"

namespace tenor::TENOR_ISA {

// So much of the packed factor stays in the first cache while rows pass by.
constexpr int64_t kInnerBlock = 256;

// Some of the inner rows of a factor (inner, columns): [tile][inner][kTileFloats], zeros beyond the columns.
inline void pack(const Factor<real>& from, int64_t inner, int64_t columns, int64_t first, int64_t last, real* to) {
  for (int64_t begin = 0; begin < columns; begin += kTileFloats) {
    const int64_t width = columns - begin < kTileFloats ? columns - begin : kTileFloats;
    for (int64_t k = first; k < last; ++k) {
      real* row = to + begin * inner + k * kTileFloats;
      const real* source = from.data + k * from.row + begin * from.column;
      if (from.column == 1)
        for (int64_t i = 0; i < kTileFloats; i += kLanes) store(row + i, load_some(source + i, width - i));
      else
        for (int64_t i = 0; i < kTileFloats; ++i) row[i] = i < width ? source[i * from.column] : 0;
    }
  }
}

// R rows of V vectors of a tile of columns, for a stretch of the inner dimension. kWhole: no column is missing.
template <int R, int V, bool kWhole>
TENOR_INLINE void multiply_tile(const Product<real>& of, int64_t row, int64_t tile, int64_t begin, int64_t end) {
  const int64_t column = tile * kTileFloats;
  Vec sums[R][V];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) {
      const int64_t at = column + i * kLanes, left = kWhole ? kLanes : of.columns - at;
      if (begin > 0 || of.add)
        sums[r][i] = load_some(of.c + (row + r) * of.c_row + at, left);
      else
        sums[r][i] = of.bias ? load_some(of.bias + at, left) : splat(0.0f);
    }
  }
  const real* weights = of.b + (tile * of.inner + begin) * kTileFloats;
  const real* rows = of.a + row * of.a_row + begin * of.a_inner;
  for (int64_t k = begin; k < end; ++k, weights += kTileFloats, rows += of.a_inner) {
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) {
      const Vec weight = load(weights + i * kLanes);
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) sums[r][i] = fma(splat(rows[r * of.a_row]), weight, sums[r][i]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) {
      const int64_t at = column + i * kLanes;
      store_some(of.c + (row + r) * of.c_row + at, sums[r][i], kWhole ? kLanes : of.columns - at);
    }
  }
}

template <int R, int V, bool kWhole>
TENOR_INLINE void multiply_rest(const Product<real>& of, int64_t row, int64_t rows, int64_t tile, int64_t begin,
                                int64_t end) {
  if constexpr (R > 0) {
    if (rows == R)
      multiply_tile<R, V, kWhole>(of, row, tile, begin, end);
    else
      multiply_rest<R - 1, V, kWhole>(of, row, rows, tile, begin, end);
  }
}

template <int V, bool kWhole>
TENOR_INLINE void multiply_rows(const Product<real>& of, int64_t first, int64_t last, int64_t tile, int64_t begin,
                                int64_t end) {
  constexpr int R = tile_rows(V, kFusing);
  for (; first + R <= last; first += R) multiply_tile<R, V, kWhole>(of, first, tile, begin, end);
  multiply_rest<R - 1, V, kWhole>(of, first, last - first, tile, begin, end);
}

// The last tile, of which there are only so many vectors.
template <int V>
TENOR_INLINE void multiply_last(const Product<real>& of, int64_t first, int64_t last, int64_t tile, int64_t begin,
                                int64_t end) {
  if constexpr (V > 1)
    if (of.columns - tile * kTileFloats <= (V - 1) * kLanes)
      return multiply_last<V - 1>(of, first, last, tile, begin, end);
  multiply_rows<V, false>(of, first, last, tile, begin, end);
}

// The same product with a stretch of some rows side by side: as columns of a matrix they would lie so
// far apart that they drive each other out of the first cache.
inline Product<real> brought_together(const Product<real>& of, int64_t first, int64_t last, int64_t begin, int64_t end,
                                real* to) {
  const int64_t rows = last - first;
  for (int64_t k = begin; k < end; ++k)
    for (int64_t row = 0; row < rows; ++row)
      to[(k - begin) * rows + row] = of.a[(first + row) * of.a_row + k * of.a_inner];
  Product<real> near = of;
  near.a = to - first - begin * rows;
  near.a_row = 1;
  near.a_inner = rows;
  return near;
}

// Fills rows from `first` up to `last`: of a factor whose rows are not whole at most kTaskRows.
inline void multiply(const Product<real>& of, int64_t first, int64_t last) {
  real together[kTaskRows * kInnerBlock];
  const int64_t whole = of.columns / kTileFloats;
  for (int64_t begin = 0; begin == 0 || begin < of.inner; begin += kInnerBlock) {
    const int64_t end = of.inner - begin < kInnerBlock ? of.inner : begin + kInnerBlock;
    const Product<real> near = of.a_inner == 1 ? of : brought_together(of, first, last, begin, end, together);
    for (int64_t tile = 0; tile < whole; ++tile) multiply_rows<kTile, true>(near, first, last, tile, begin, end);
    if (whole * kTileFloats < of.columns) multiply_last<kTile>(near, first, last, whole, begin, end);
  }
}

}  // namespace tenor::TENOR_ISA
