// Products of whole numbers: states of -1 to 1 by a matrix of weights. No sum is rounded, so that any
// instruction may compute it, in any order.
#pragma once

#include "blocks.hpp"
#include "kernels.hpp"
#include "tiles.hpp"

namespace tenor::TENOR_ISA {

// A state of -1 to 1 in whole numbers of 1 / kStateSteps, counted from kWholeZero.
TENOR_INLINE void round_state(Vec h, Whole* to) {
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number
  using Narrow = Whole __attribute__((vector_size(kLanes * sizeof(Whole))));
  const Int steps = (Int)fma(h, splat(kStateSteps), splat(round)) - (Int)splat(round);
  const Narrow narrow = __builtin_convertvector(steps + kWholeZero, Narrow);
  __builtin_memcpy(to, &narrow, sizeof narrow);
}

// Numbers that may be anything: those beyond -1 and 1 count as these. Fills whole vectors.
TENOR_INLINE void round_states(const float* from, int64_t count, Whole* to) {
  for (int64_t i = 0; i < count; i += kLanes)
    round_state(at_least(at_most(load_some(from + i, count - i), 1.0f), -1.0f), to + i);
}

// Calls finish(row, tile, products) with the sums of rows (rows, of.inner). V tiles at a time.
template <int kVectors, class Finish>
struct WholeProduct {
  const WholeMatrix& of;
  const Whole* states;
  const Finish& finish;

  TENOR_INLINE const Whole* weights(int64_t tile) const {
    return static_cast<const Whole*>(of.weights) + tile * of.inner * kVectors * kLanes;
  }

  TENOR_INLINE const int32_t* begin(int64_t tile) const { return of.begin + tile * kVectors * kLanes; }

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t tile) const {
    Int products[R][V][kVectors];
    const Whole* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = states + (row + r) * of.inner;
      for (int v = 0; v < V; ++v)
        for (int i = 0; i < kVectors; ++i)
          __builtin_memcpy(&products[r][v][i], begin(tile + v) + i * kLanes, sizeof(Int));
    }
    const Whole* weight = weights(tile);
    for (int64_t k = 0; k < of.inner; k += kTogether, weight += kTogether * kVectors * kLanes) {
      Wholes some[R];
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) some[r] = splat_lane(rows[r] + k);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i) {
          Wholes factor;
          __builtin_memcpy(&factor, weight + (v * of.inner * kVectors + i * kTogether) * kLanes, sizeof factor);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) products[r][v][i] = dot(some[r], factor, products[r][v][i]);
        }
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) finish(row + r, tile + v, products[r][v]);
  }
};

#if defined(__AMX_INT8__)
// The same with AMX's tiles, whose products go on while the sums before them are finished: after each row
// the next ones take in some states. Where the rows are no multiple of a tile's, the last tile begins
// earlier, with rows that are already done.
template <int kVectors, class Finish>
void multiply_in_tiles(const WholeProduct<kVectors, Finish>& product, int rows, int64_t count) {
  const int64_t inner = product.of.inner;
  const int each = rows < kTileRows ? rows : kTileRows;
  alignas(64) int32_t products[2][kTileRows][kVectors][kLanes];
  int here = 0;
  const auto sums = [&](int row, int64_t tile) {
    const int begin = row + each <= rows ? row : rows - each;
    return TileSums<kVectors>(product.states + begin * inner, product.weights(tile), inner,
                              product.begin(tile), products[here][0][0]);
  };
  TileSums<kVectors> first = sums(0, 0);
  while (!first.stored()) first.add();
  for (int64_t tile = 0; tile < count; ++tile) {
    for (int row = 0; row < rows; row += each) {
      const int begin = row + each <= rows ? row : rows - each;
      const auto& done = products[here];
      here = 1 - here;
      const bool last_rows = row + each >= rows;
      const int64_t next = last_rows && tile + 1 < count ? tile + 1 : tile;  // at the end once more, unused
      TileSums<kVectors> ahead = sums(last_rows ? 0 : row + each, next);
      for (int r = row - begin; r < each; ++r) {
        Int found[kVectors];
        __builtin_memcpy(found, done[r], sizeof found);
        product.finish(begin + r, tile, found);
        if (!ahead.stored()) ahead.add();
      }
      while (!ahead.stored()) ahead.add();
    }
  }
}
#endif

// Of so many tiles of kVectors. `tiled` is the thread's.
template <int kVectors, class Finish>
TENOR_INLINE void multiply_whole(const WholeMatrix& of, const Whole* states, int rows, int64_t count,
                                 [[maybe_unused]] Tiles& tiled, const Finish& finish) {
  const WholeProduct<kVectors, Finish> product{of, states, finish};
#if defined(__AMX_INT8__)
  if (rows >= kFewestTileRows) {
    tiled.shape(rows, of.inner);
    return multiply_in_tiles(product, rows, count);
  }
#endif
  tiles<tile_rows(kVectors, 1)>(product, rows, count);
}

}  // namespace tenor::TENOR_ISA
