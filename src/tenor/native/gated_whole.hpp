// The same cells where the product with the state is of whole numbers.
#pragma once

#include "gated.hpp"

namespace tenor::TENOR_ISA {

// One position of every row, from the sums of a group of units to the state, which is pooled while it is at
// hand.
template <class C>
struct WholeStep {
  static constexpr int kGates = C::kGates, kGroup = kGates * kLanes;

  const Layer& layer;
  const Block& block;
  const float* const* shares;
  const float* const* later;  // as next_shares finds them
  Whole* next;                // (rows, units) the states in whole numbers
  bool first;

  TENOR_INLINE void operator()(int row, int64_t group, const Int (&products)[kGates]) const {
    const float* share = shares[row] + group * kGroup;
    for (int i = 0; i < kGroup; i += 16) __builtin_prefetch(later[row] + group * kGroup + i, 0, 2);
    Vec sums[kGates];
    for (int gate = 0; gate < kGates; ++gate)
      sums[gate] = fma(__builtin_convertvector(products[gate], Vec),
                       load(layer.hh_whole.scale + group * kGroup + gate * kLanes),
                       C::begin(share, layer.state_bias + group * kLanes, gate));
    const int64_t at = (row * layer.groups + group) * kLanes;
    const Vec h = C::next_whole(sums, share, load(block.h + at), block.c + at);
    store(block.h + at, h);
    round_state(h, next + at);
    if (first && block.start) store(block.start + at, h);
    if (block.sum) store(block.sum + at, first ? h : load(block.sum + at) + h);
    if (block.max) store(block.max + at, first ? h : larger(load(block.max + at), h));
  }
};

template <class C>
void read_whole(const Layer& layer, const Block& block) {
  const int64_t units = layer.groups * kLanes;
  Whole* states = reinterpret_cast<Whole*>(block.scratch + kBlockRows * layer.share);  // (rows, units)
  Whole* next = states + kBlockRows * units;
  round_states(block.h, block.rows * units, states);
  Tiles tiled;
  each_step(layer, block, tiled, [&](const float* const* shares, int rows, int64_t t) {
    const float* later[kBlockRows];
    next_shares(layer, block, shares, rows, t + 1, later);
    multiply_whole<C::kGates>(layer.hh_whole, states, rows, layer.groups, tiled,
                              WholeStep<C>{layer, block, shares, later, next, t == 0});
    give_states(layer, block, rows, t);
    Whole* const before = states;
    states = next, next = before;
  });
}

template <class C>
void read(const Layer& layer, const Block& block) {
  (layer.hh_whole.weights ? read_whole<C> : read_floats<C>)(layer, block);
}

}  // namespace tenor::TENOR_ISA
