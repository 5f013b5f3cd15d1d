// A product's rows and tiles of columns → blocks of sums that stay in registers.
#pragma once

#include "numbers.hpp"

namespace tenor::TENOR_ISA {

constexpr int kMostRows = 6;
constexpr int kTileFloats = kTile * kLanes;

// How many rows by so many vectors a block has: with a number of each row and a weight, all stay in
// registers.
constexpr int tile_rows(int vectors, int more) {
  const int rows = (kRegisters - 1 - more) / (vectors + 1);
  return rows < 1 ? 1 : rows > kMostRows ? kMostRows : rows;
}

// The last rows, fewer than a block's. A single row takes two tiles, else it would wait for its sums.
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

}  // namespace tenor::TENOR_ISA
