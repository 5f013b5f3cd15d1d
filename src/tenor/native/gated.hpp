// LSTM, GRU and plain recurrent cells of one instruction set. A gate's sum goes on from the word's
// share through the state in order, so bits do not depend on how the work is cut into tiles.
#pragma once

#include "project.hpp"

namespace tenor::TENOR_ISA {

// A cell: how many gates see the state, where their sums begin, and what becomes of them; next_whole where
// the next state is rounded to whole numbers.
struct LSTM {
  static constexpr int kGates = 4;  // input, forget, cell, output

  static TENOR_INLINE Vec begin(const float* share, const float*, int gate) {
    return load(share + gate * kLanes);
  }

  static TENOR_INLINE Vec next(const Vec (&gates)[kGates], const float*, Vec, float* c) {
    const Vec fresh = sigmoid(gates[0]) * tanh(gates[2]);
    const Vec cell = fma(sigmoid(gates[1]), load(c), fresh);
    store(c, cell);
    return sigmoid(gates[3]) * tanh(cell);
  }

  static TENOR_INLINE Vec next_whole(const Vec (&gates)[kGates], const float*, Vec, float* c) {
    const Vec in = one_by_sigmoid(gates[0]), forget = one_by_sigmoid(gates[1]);
    const Fraction fresh = tanh_fraction(gates[2]);
    const Vec below = in * fresh.below;
    const Vec cell = fma(load(c), below, fresh.above * forget) / (forget * below);
    store(c, cell);
    const Fraction seen = tanh_fraction(cell);
    return seen.above / (seen.below * one_by_sigmoid(gates[3]));
  }
};

struct GRU {
  static constexpr int kGates = 3;  // reset, update, new

  static TENOR_INLINE Vec begin(const float* share, const float* state_bias, int gate) {
    return gate < 2 ? load(share + gate * kLanes) : load(state_bias);
  }

  static TENOR_INLINE Vec next(const Vec (&gates)[kGates], const float* share, Vec h, float*) {
    const Vec update = sigmoid(gates[1]);
    const Vec fresh = tanh(fma(sigmoid(gates[0]), gates[2], load(share + 2 * kLanes)));
    return fma(update, h, (1.0f - update) * fresh);
  }

  static TENOR_INLINE Vec next_whole(const Vec (&gates)[kGates], const float* share, Vec h, float*) {
    const Vec reset = 1.0f / one_by_sigmoid(gates[0]), update = one_by_sigmoid(gates[1]);
    const Fraction fresh = tanh_fraction(fma(reset, gates[2], load(share + 2 * kLanes)));
    return fma(h, fresh.below, (update - 1.0f) * fresh.above) / (update * fresh.below);
  }
};

template <bool ReLU>
struct RNN {
  static constexpr int kGates = 1;

  static TENOR_INLINE Vec begin(const float* share, const float*, int) { return load(share); }

  static TENOR_INLINE Vec next(const Vec (&gates)[kGates], const float*, Vec, float*) {
    return ReLU ? (gates[0] < 0.0f ? splat(0.0f) : gates[0]) : tanh(gates[0]);
  }

  static TENOR_INLINE Vec next_whole(const Vec (&gates)[kGates], const float* share, Vec h, float* c) {
    return next(gates, share, h, c);
  }
};

// The state's share, the activations and the next state. V groups of units at a time.
template <class C>
struct Step {
  static constexpr int kGroup = C::kGates * kLanes;

  const Layer& layer;
  const float* const* shares;
  const float* h;
  float *c, *next;
  const float* const* later;  // as next_shares finds them

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t group) const {
    Vec sums[R][V][C::kGates];
    multiply<R, V>(row, group, sums);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) {
        for (int i = 0; i < kGroup; i += 16) __builtin_prefetch(later[row + r] + (group + v) * kGroup + i, 0, 2);
        const int64_t unit = (group + v) * kLanes;
        const int64_t at = (row + r) * layer.groups * kLanes + unit;
        store(next + at, C::next(sums[r][v], shares[row + r] + (group + v) * kGroup, load(h + at),
                                 c + at));
      }
    }
  }

  template <int R, int V>
  TENOR_INLINE void multiply(int row, int64_t group, Vec (&sums)[R][V][C::kGates]) const {
    const float* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = h + (row + r) * layer.groups * kLanes;
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < C::kGates; ++gate)
          sums[r][v][gate] = C::begin(shares[row + r] + (group + v) * kGroup,
                                      layer.state_bias + (group + v) * kLanes, gate);
    }
    const int64_t width = layer.hidden;
    const float* weights = layer.hh + group * width * kGroup;
    for (int64_t k = 0; k < width; ++k, weights += kGroup) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
#pragma GCC unroll 4
        for (int gate = 0; gate < C::kGates; ++gate) {
          const Vec weight = load(weights + v * width * kGroup + gate * kLanes);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r)
            sums[r][v][gate] = fma(splat(rows[r][k]), weight, sums[r][v][gate]);
        }
      }
    }
  }
};

// Rows that have a word at position t; `rows` had one before.
TENOR_INLINE int active(const Block& block, int rows, int64_t t) {
  while (rows > 0 && block.lengths[rows - 1] <= t) --rows;
  return rows;
}

TENOR_INLINE int64_t word_at(const Block& block, int row, int64_t t) {
  return block.first[row] + block.step * t;
}

// What there is of a word: what was computed before, or its input.
TENOR_INLINE const float* given(const Layer& layer, const Block& block, int64_t word) {
  return block.shares.row_of ? known(layer, block.shares, word) : block.x + word * block.x_stride;
}

// The states after the first words are where the pools begin.
TENOR_INLINE void begin_pools(const Block& block, int64_t at, const float* h, int64_t size) {
  if (block.start) __builtin_memcpy(block.start + at, h, size * sizeof(float));
  if (block.sum) __builtin_memcpy(block.sum + at, h, size * sizeof(float));
  if (block.max) __builtin_memcpy(block.max + at, h, size * sizeof(float));
}

// Writes the state of the first rows where their words lie, if that is wanted.
TENOR_INLINE void give_states(const Layer& layer, const Block& block, int rows, int64_t t) {
  for (int row = 0; block.states && row < rows; ++row)
    __builtin_memcpy(block.states + word_at(block, row, t) * block.states_stride,
                     block.h + row * layer.groups * kLanes, layer.hidden * sizeof(float));
}

// Keeps the new state of the first rows and pools it.
TENOR_INLINE void keep(const Layer& layer, const Block& block, const float* next, int rows, int64_t t) {
  const int64_t units = layer.groups * kLanes, size = rows * units;
  __builtin_memcpy(block.h, next, size * sizeof(float));
  if (t == 0) {
    begin_pools(block, 0, next, size);
  } else {
    if (block.sum)
      for (int64_t i = 0; i < size; i += kLanes)
        store(block.sum + i, load(block.sum + i) + load(next + i));
    if (block.max)
      for (int64_t i = 0; i < size; i += kLanes)
        store(block.max + i, larger(load(block.max + i), load(next + i)));
  }
  give_states(layer, block, rows, t);
}

// What is to be asked for while a word is read: the shares of the rows' words at t, which lie all over a table. Of a
// row that has ended, and where shares are computed, those it has.
TENOR_INLINE void next_shares(const Layer& layer, const Block& block, const float* const* shares, int rows, int64_t t,
                              const float** found) {
  const int left = block.shares.row_of ? active(block, rows, t) : 0;
  for (int row = 0; row < rows; ++row)
    found[row] = row < left ? given(layer, block, word_at(block, row, t)) : shares[row];
}

// Calls step(shares, rows, t) for each position, with the words' shares; rows have a word there.
template <class Do>
TENOR_INLINE void each_step(const Layer& layer, const Block& block, Tiles& tiled, const Do& step) {
  int rows = active(block, block.rows, 0);
  for (int64_t t = 0; rows > 0;) {
    // Few rows would leave the projection's tiles empty: it runs as many words ahead as fit.
    const int steps = kBlockRows / rows;
    const float* shares[kBlockRows];
    int counts[kBlockRows];
    int total = 0;
    for (int s = 0, left = rows; s < steps; ++s) {
      counts[s] = left = active(block, left, t + s);
      for (int row = 0; row < left; ++row)
        shares[total++] = given(layer, block, word_at(block, row, t + s));
    }
    if (!block.shares.row_of) {
      project(layer, shares, total, block.rounded, tiled, block.scratch);
      for (int i = 0; i < total; ++i) shares[i] = block.scratch + i * layer.share;
    }
    const float* const* share = shares;
    for (int s = 0; s < steps && counts[s] > 0; ++s, ++t) {
      step(share, counts[s], t);
      share += counts[s];
    }
    rows = active(block, rows, t);
  }
}

template <class C>
void read_floats(const Layer& layer, const Block& block) {
  float* const next = block.scratch + kBlockRows * layer.share;  // (rows, units)
  Tiles tiled;
  each_step(layer, block, tiled, [&](const float* const* shares, int rows, int64_t t) {
    const float* later[kBlockRows];
    next_shares(layer, block, shares, rows, t + 1, later);
    tiles<tile_rows(C::kGates, kFusing)>(Step<C>{layer, shares, block.h, block.c, next, later}, rows, layer.groups);
    keep(layer, block, next, rows, t);
  });
}

}  // namespace tenor::TENOR_ISA
