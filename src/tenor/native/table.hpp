// The table of one instruction set: what core.cpp calls.
#pragma once

#include "linear.hpp"

namespace tenor::TENOR_ISA {

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

void churn(int64_t loops, float* result) {
  Vec sums[kAccumulators] = {};
  const Vec factor = splat(result[0]), addend = splat(result[1]);  // not known to the compiler
  for (int64_t i = 0; i < loops; ++i) {
#pragma GCC unroll 24
    for (int a = 0; a < kAccumulators; ++a) sums[a] = fma(sums[a], factor, addend);
  }
  for (int a = 1; a < kAccumulators; ++a) sums[0] = sums[0] + sums[a];
  store(result, sums[0]);
}

constexpr Kernels kernels(const char* name) {
  return {name,
          kLanes,
          each<exp>,
          each<sigmoid>,
          each<tanh>,
          churn,
          kAccumulators,
          keep_in_table,
          {read<LSTM>, read<GRU>, read<RNN<false>>, read<RNN<true>>, read_linear}};
}

}  // namespace tenor::TENOR_ISA
