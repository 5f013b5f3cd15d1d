// The same cells where the product with the state is of whole numbers: no sum is rounded, so that any
// instruction may compute it, in any order.
#pragma once

#include "gated.hpp"
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

// One position of every row. V groups of units at a time.
template <class C>
struct WholeStep {
  static constexpr int kGates = C::kGates, kGroup = kGates * kLanes;

  const Layer& layer;
  const Block& block;
  const float* const* shares;
  const float* const* later;  // shares of the next words, which are asked for meanwhile
  const Whole* states;  // (rows, units) in whole numbers
  Whole* next;
  bool first;

  TENOR_INLINE const Whole* weights(int64_t group) const {
    return static_cast<const Whole*>(layer.hh_whole) + group * layer.groups * kLanes * kGroup;
  }

  // From the sums of a group of units to the state, which is pooled while it is at hand.
  TENOR_INLINE void finish(int row, int64_t group, const Int (&products)[kGates]) const {
    const float* share = shares[row] + group * kGroup;
    for (int i = 0; i < kGroup; i += 16) __builtin_prefetch(later[row] + group * kGroup + i, 0, 2);
    Vec sums[kGates];
    for (int gate = 0; gate < kGates; ++gate)
      sums[gate] = fma(__builtin_convertvector(products[gate], Vec),
                       load(layer.hh_scale + group * kGroup + gate * kLanes),
                       C::begin(share, layer.state_bias + group * kLanes, gate));
    const int64_t at = (row * layer.groups + group) * kLanes;
    const Vec h = C::next_whole(sums, share, load(block.h + at), block.c + at);
    store(block.h + at, h);
    round_state(h, next + at);
    if (first && block.start) store(block.start + at, h);
    if (block.sum) store(block.sum + at, first ? h : load(block.sum + at) + h);
    if (block.max) store(block.max + at, first ? h : larger(load(block.max + at), h));
  }

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t group) const {
    Int products[R][V][kGates];
    const int64_t units = layer.groups * kLanes;
    const Whole* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = states + (row + r) * units;
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < kGates; ++gate)
          __builtin_memcpy(&products[r][v][gate], layer.hh_begin + (group + v) * kGroup + gate * kLanes,
                           sizeof(Int));
    }
    const Whole* weight = weights(group);
    for (int64_t k = 0; k < units; k += kTogether, weight += kTogether * kGroup) {
      Wholes some[R];
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) some[r] = splat_lane(rows[r] + k);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
#pragma GCC unroll 4
        for (int gate = 0; gate < kGates; ++gate) {
          Wholes factor;
          __builtin_memcpy(&factor, weight + v * units * kGroup + gate * kLanes * kTogether, sizeof factor);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) products[r][v][gate] = dot(some[r], factor, products[r][v][gate]);
        }
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) finish(row + r, group + v, products[r][v]);
  }
};

#if defined(__AMX_INT8__)
// The same with tiles, whose products go on while the sums before them are finished: after each row the
// next ones take in some states. Where the rows are no multiple of a tile's, the last tile begins earlier,
// with rows that are already done.
template <class C>
void step_in_tiles(const WholeStep<C>& step, int rows) {
  constexpr int kGates = C::kGates;
  const int64_t groups = step.layer.groups, units = groups * kLanes;
  const int each = rows < kTileRows ? rows : kTileRows;
  alignas(64) int32_t products[2][kTileRows][kGates][kLanes];
  int here = 0;
  const auto sums = [&](int row, int64_t group) {
    const int begin = row + each <= rows ? row : rows - each;
    return TileSums<kGates>(step.states + begin * units, step.weights(group), units,
                            step.layer.hh_begin + group * WholeStep<C>::kGroup, products[here][0][0]);
  };
  TileSums<kGates> first = sums(0, 0);
  while (!first.stored()) first.add();
  for (int64_t group = 0; group < groups; ++group) {
    for (int row = 0; row < rows; row += each) {
      const int begin = row + each <= rows ? row : rows - each;
      const auto& done = products[here];
      here = 1 - here;
      const bool last_rows = row + each >= rows;
      const int64_t next = last_rows && group + 1 < groups ? group + 1 : group;  // at the end once more, unused
      TileSums<kGates> ahead = sums(last_rows ? 0 : row + each, next);
      for (int r = row - begin; r < each; ++r) {
        Int found[kGates];
        __builtin_memcpy(found, done[r], sizeof found);
        step.finish(begin + r, group, found);
        if (!ahead.stored()) ahead.add();
      }
      while (!ahead.stored()) ahead.add();
    }
  }
}
#endif

template <class C>
void read_whole(const Layer& layer, const Block& block) {
  const int64_t units = layer.groups * kLanes;
  Whole* states = reinterpret_cast<Whole*>(block.scratch + kBlockRows * layer.share);  // (rows, units)
  Whole* next = states + kBlockRows * units;
  for (int64_t i = 0; i < block.rows * units; i += kLanes)
    round_state(at_least(at_most(load(block.h + i), 1.0f), -1.0f), states + i);  // it may be anything
  [[maybe_unused]] Tiles tiled;
  each_step(layer, block, [&](const float* const* shares, int rows, int64_t t) {
    const float* later[kBlockRows];
    const int going_on = block.shares.row_of ? active(block, rows, t + 1) : 0;
    for (int row = 0; row < rows; ++row)
      later[row] = row < going_on ? given(layer, block, word_at(block, row, t + 1)) : shares[row];
    const WholeStep<C> step{layer, block, shares, later, states, next, t == 0};
#if defined(__AMX_INT8__)
    if (rows >= kFewestTileRows) {
      tiled.shape(rows, units);
      step_in_tiles(step, rows);
    } else
#endif
      tiles<tile_rows(C::kGates, 1)>(step, rows, layer.groups);
    give_states(layer, block, rows, t);
    Whole* const before = states;
    states = next, next = before;
  });
}

template <class C>
void read(const Layer& layer, const Block& block) {
  (layer.hh_whole ? read_whole<C> : read_floats<C>)(layer, block);
}

}  // namespace tenor::TENOR_ISA
