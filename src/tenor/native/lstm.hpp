// The LSTM of one instruction set. Every gate is one sum: the bias, then the inputs in order, then
// the state in order, one fused multiply-add each. Units lie along the lanes and rows never meet,
// so neither vector width nor tile shape can change a bit.
#pragma once

#include "kernels.hpp"
#include "math.hpp"

namespace tenor::TENOR_ISA {

constexpr int kGates = 4;
constexpr int kGroup = kGates * kLanes;  // floats of one input's weights in a group of units

// sums[row][group][gate] += in[row][k] * weights[group][k][gate], for k from 0 to width.
template <int R, int V>
TENOR_INLINE void accumulate(Vec (&sums)[R][V][kGates], const float* const (&in)[R], int64_t width,
                             const float* weights) {
  for (int64_t k = 0; k < width; ++k, weights += kGroup) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
#pragma GCC unroll 4
      for (int gate = 0; gate < kGates; ++gate) {
        const Vec weight = load(weights + v * width * kGroup + gate * kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
          sums[r][v][gate] = fma(splat(in[r][k]), weight, sums[r][v][gate]);
        }
      }
    }
  }
}

// The inputs' share of the gates.
struct Projection {
  const Layer& layer;
  const float* const* in;
  float* out;

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t group) const {
    Vec sums[R][V][kGates];
    const float* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = in[row + r];
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < kGates; ++gate)
          sums[r][v][gate] = load(layer.bias + (group + v) * kGroup + gate * kLanes);
    }
    accumulate<R, V>(sums, rows, layer.inputs, layer.ih + group * layer.inputs * kGroup);
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < kGates; ++gate)
          store(out + ((row + r) * layer.groups + group + v) * kGroup + gate * kLanes,
                sums[r][v][gate]);
  }
};

// The state's share, the activations and the next state.
struct Step {
  const Layer& layer;
  const float *ahead, *h;
  float *c, *next;

  template <int R, int V>
  TENOR_INLINE void tile(int row, int64_t group) const {
    Vec sums[R][V][kGates];
    const float* rows[R];
    for (int r = 0; r < R; ++r) {
      rows[r] = h + (row + r) * layer.groups * kLanes;
      for (int v = 0; v < V; ++v)
        for (int gate = 0; gate < kGates; ++gate)
          sums[r][v][gate] =
              load(ahead + ((row + r) * layer.groups + group + v) * kGroup + gate * kLanes);
    }
    accumulate<R, V>(sums, rows, layer.hidden, layer.hh + group * layer.hidden * kGroup);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) {
        const Vec(&gates)[kGates] = sums[r][v];
        const int64_t at = ((row + r) * layer.groups + group + v) * kLanes;
        const Vec fresh = sigmoid(gates[0]) * tanh(gates[2]);
        const Vec cell = fma(sigmoid(gates[1]), load(c + at), fresh);
        store(c + at, cell);
        store(next + at, sigmoid(gates[3]) * tanh(cell));
      }
    }
  }
};

// The last rows, fewer than kRows. A single row takes two groups, else it would wait for its sums.
template <int R, class Work>
TENOR_INLINE void remainder(const Work& work, int row, int rows, int64_t groups) {
  if constexpr (R > 0) {
    if (rows != R) return remainder<R - 1>(work, row, rows, groups);
    int64_t group = 0;
    if constexpr (R == 1)
      for (; group + 2 <= groups; group += 2) work.template tile<1, 2>(row, group);
    for (; group < groups; ++group) work.template tile<R, 1>(row, group);
  }
}

template <class Work>
TENOR_INLINE void tiles(const Work& work, int rows, int64_t groups) {
  const int whole = rows - rows % kRows;
  for (int64_t group = 0; group < groups; ++group)
    for (int row = 0; row < whole; row += kRows) work.template tile<kRows, 1>(row, group);
  remainder<kRows - 1>(work, whole, rows - whole, groups);
}

// Rows that have a word at position t; `rows` had one before.
TENOR_INLINE int active(const Block& block, int rows, int64_t t) {
  while (rows > 0 && block.lengths[rows - 1] <= t) --rows;
  return rows;
}

// Keeps the new state of the first rows and writes it where their words lie.
TENOR_INLINE void keep(const Layer& layer, const Block& block, int rows, int64_t t) {
  const int64_t size = layer.groups * kLanes;
  __builtin_memcpy(block.h, block.next, rows * size * sizeof(float));
  if (!block.states) return;
  for (int row = 0; row < rows; ++row) {
    const int64_t word = block.first[row] + block.step * t;
    __builtin_memcpy(block.states + word * block.states_stride, block.h + row * size,
                     layer.hidden * sizeof(float));
  }
}

void lstm(const Layer& layer, const Block& block) {
  int rows = active(block, block.rows, 0);
  for (int64_t t = 0; rows > 0;) {
    // Few rows would leave the projection's tiles empty: it runs as many words ahead as fit.
    const int steps = kBlockRows / rows;
    const float* in[kBlockRows];
    int counts[kBlockRows];
    int total = 0;
    for (int s = 0, left = rows; s < steps; ++s) {
      counts[s] = left = active(block, left, t + s);
      for (int row = 0; row < left; ++row)
        in[total++] = block.x + (block.first[row] + block.step * (t + s)) * block.x_stride;
    }
    tiles(Projection{layer, in, block.ahead}, total, layer.groups);
    const float* ahead = block.ahead;
    for (int s = 0; s < steps && counts[s] > 0; ++s, ++t) {
      tiles(Step{layer, ahead, block.h, block.c, block.next}, counts[s], layer.groups);
      keep(layer, block, counts[s], t);
      ahead += counts[s] * layer.groups * kGroup;
    }
    rows = active(block, rows, t);
  }
}

template <Vec (*F)(Vec)>
void each(const float* x, float* y, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, F(load(x + i)));
  if (i == count) return;
  float rest[kLanes] = {};
  __builtin_memcpy(rest, x + i, (count - i) * sizeof(float));
  store(rest, F(load(rest)));
  __builtin_memcpy(y + i, rest, (count - i) * sizeof(float));
}

}  // namespace tenor::TENOR_ISA
