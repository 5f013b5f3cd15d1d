// LSTM, GRU and plain recurrent cells of one instruction set. A gate's sum goes on from the word's
// share through the state in order, so bits do not depend on how the work is cut into tiles.
#pragma once

#include "project.hpp"

namespace tenor::TENOR_ISA {

// A cell: how many gates see the state, where their sums begin, and what becomes of them.
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
};

template <bool ReLU>
struct RNN {
  static constexpr int kGates = 1;

  static TENOR_INLINE Vec begin(const float* share, const float*, int) { return load(share); }

  static TENOR_INLINE Vec next(const Vec (&gates)[kGates], const float*, Vec, float*) {
    return ReLU ? (gates[0] < 0.0f ? splat(0.0f) : gates[0]) : tanh(gates[0]);
  }
};

// The state's share, the activations and the next state. V groups of units at a time.
template <class C, bool kWhole>
struct Step {
  static constexpr int kGroup = C::kGates * kLanes;

  const Layer& layer;
  const float* const* shares;
  const float* h;
  const Whole* whole;  // h in whole numbers, where the product is computed with them
  float *c, *next;

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t group) const {
    Vec sums[R][V][C::kGates];
    if constexpr (kWhole) multiply_whole<R, V>(row, group, sums);
    else multiply<R, V>(row, group, sums);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) {
        const int64_t unit = (group + v) * kLanes;
        const int64_t at = (row + r) * layer.groups * kLanes + unit;
        store(next + at, C::next(sums[r][v], shares[row + r] + (group + v) * kGroup, load(h + at),
                                 c + at));
      }
    }
  }

  TENOR_INLINE Vec begin(int row, int64_t group, int gate) const {
    return C::begin(shares[row] + group * kGroup, layer.state_bias + group * kLanes, gate);
  }

  template <int R, int V>
  TENOR_INLINE void multiply(int row, int64_t group, Vec (&sums)[R][V][C::kGates]) const {
    const float* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = h + (row + r) * layer.groups * kLanes;
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < C::kGates; ++gate)
          sums[r][v][gate] = begin(row + r, group + v, gate);
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

  template <int R, int V>
  TENOR_INLINE void multiply_whole(int row, int64_t group, Vec (&sums)[R][V][C::kGates]) const {
    Int products[R][V][C::kGates];
    const int64_t units = layer.groups * kLanes;
    const Whole* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = whole + (row + r) * units;
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < C::kGates; ++gate)
          __builtin_memcpy(&products[r][v][gate], layer.hh_begin + (group + v) * kGroup + gate * kLanes,
                           sizeof(Int));
    }
    const Whole* weights = static_cast<const Whole*>(layer.hh_whole) + group * units * kGroup;
    for (int64_t k = 0; k < units; k += kTogether, weights += kTogether * kGroup) {
      Wholes states[R];
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) states[r] = splat_lane(rows[r] + k);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
#pragma GCC unroll 4
        for (int gate = 0; gate < C::kGates; ++gate) {
          Wholes weight;
          __builtin_memcpy(&weight, weights + v * units * kGroup + gate * kLanes * kTogether, sizeof weight);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r)
            products[r][v][gate] = dot(states[r], weight, products[r][v][gate]);
        }
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < C::kGates; ++gate)
          sums[r][v][gate] = fma(__builtin_convertvector(products[r][v][gate], Vec),
                                 load(layer.hh_scale + (group + v) * kGroup + gate * kLanes),
                                 begin(row + r, group + v, gate));
  }
};

// States, which lie in -1 to 1, in whole numbers of 1 / kStateSteps, counted from kWholeZero.
TENOR_INLINE void round_states(const float* h, int64_t size, Whole* whole) {
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number
  using Narrow = Whole __attribute__((vector_size(kLanes * sizeof(Whole))));
  for (int64_t i = 0; i < size; i += kLanes) {
    Vec x = load(h + i);  // what a caller starts from may be anything
    x = at_least(at_most(x, 1.0f), -1.0f);
    const Int steps = (Int)fma(x, splat(kStateSteps), splat(round)) - (Int)splat(round);
    const Narrow narrow = __builtin_convertvector(steps + kWholeZero, Narrow);
    __builtin_memcpy(whole + i, &narrow, sizeof narrow);
  }
}

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

TENOR_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }

// The states after the first words are where the pools begin.
TENOR_INLINE void begin_pools(const Block& block, int64_t at, const float* h, int64_t size) {
  if (block.start) __builtin_memcpy(block.start + at, h, size * sizeof(float));
  if (block.sum) __builtin_memcpy(block.sum + at, h, size * sizeof(float));
  if (block.max) __builtin_memcpy(block.max + at, h, size * sizeof(float));
}

// Keeps the new state of the first rows, pools it, and writes it where their words lie.
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
  if (!block.states) return;
  for (int row = 0; row < rows; ++row)
    __builtin_memcpy(block.states + word_at(block, row, t) * block.states_stride, next + row * units,
                     layer.hidden * sizeof(float));
}

// Asks for what the next words' shares hold, which lies all over a table, while this word is read.
TENOR_INLINE void fetch_ahead(const Layer& layer, const Block& block, int rows, int64_t t) {
  for (int row = 0, left = active(block, rows, t); row < left; ++row) {
    const float* share = given(layer, block, word_at(block, row, t));
    for (int64_t i = 0; i < layer.share; i += 16) __builtin_prefetch(share + i, 0, 2);
  }
}

template <class C, bool kWhole>
void read_steps(const Layer& layer, const Block& block) {
  constexpr int kTileRows = tile_rows(C::kGates, kWhole ? 1 : kFusing);
  float* const ahead = block.scratch;                         // (kBlockRows, share)
  float* const next = ahead + kBlockRows * layer.share;       // (rows, units)
  Whole* const whole = reinterpret_cast<Whole*>(next + kBlockRows * layer.groups * kLanes);
  int rows = active(block, block.rows, 0);
  if (kWhole) round_states(block.h, rows * layer.groups * kLanes, whole);
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
      project(layer, shares, total, ahead);
      for (int i = 0; i < total; ++i) shares[i] = ahead + i * layer.share;
    }
    const float* const* share = shares;
    for (int s = 0; s < steps && counts[s] > 0; ++s, ++t) {
      if (block.shares.row_of) fetch_ahead(layer, block, counts[s], t + 1);
      const Step<C, kWhole> step{layer, share, block.h, whole, block.c, next};
      tiles<kTileRows>(step, counts[s], layer.groups);
      keep(layer, block, next, counts[s], t);
      if (kWhole) round_states(next, counts[s] * layer.groups * kLanes, whole);
      share += counts[s];
    }
    rows = active(block, rows, t);
  }
}

template <class C>
void read(const Layer& layer, const Block& block) {
  (layer.hh_whole ? read_steps<C, true> : read_steps<C, false>)(layer, block);
}

}  // namespace tenor::TENOR_ISA
