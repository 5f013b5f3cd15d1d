// The table of one instruction set: what core.cpp calls.
#pragma once

#include "gated_gradient.hpp"
#include "linear.hpp"
#include "updates.hpp"

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

constexpr int kSums = kRegisters - 4;  // more than enough to keep every unit at work

void churn(int64_t loops, float* result) {
  Vec sums[kSums];  // all different, or the compiler would keep one of them for all
  for (int a = 0; a < kSums; ++a) sums[a] = splat(result[a + 2]);
  const Vec factor = splat(result[0]), addend = splat(result[1]);
  for (int64_t i = 0; i < loops; ++i) {
#pragma GCC unroll 32
    for (int a = 0; a < kSums; ++a) sums[a] = fma(sums[a], factor, addend);
  }
  for (int a = 1; a < kSums; ++a) sums[0] = sums[0] + sums[a];
  store(result, sums[0]);
}

void churn_whole(int64_t loops, float* result) {
  Int sums[kSums];
  for (int a = 0; a < kSums; ++a) sums[a] = (Int)splat(result[a + 2]) + a;
  const Wholes factor = (Wholes)splat(result[0]);
  for (int64_t i = 0; i < loops; ++i) {
#pragma GCC unroll 32
    for (int a = 0; a < kSums; ++a) sums[a] = dot((Wholes)sums[a], factor, sums[a]);
  }
  for (int a = 1; a < kSums; ++a) sums[0] = sums[0] + sums[a];
  store(result, __builtin_convertvector(sums[0], Vec));
}

constexpr int64_t kChurned = int64_t{kSums} * kLanes;

#if defined(__AMX_INT8__)
constexpr int64_t kChurnedWhole = kChurnedTiles;
constexpr auto* kChurnWhole = churn_tiles;
#else
constexpr int64_t kChurnedWhole = kChurned * kTogether;
constexpr auto* kChurnWhole = churn_whole;
#endif

constexpr Kernels kernels(const char* name) {
  return {name,
          kLanes,
          kTogether,
          kWholeZero,
          each<sigmoid>,
          each<tanh>,
          churn,
          kChurnWhole,
          kChurned,
          kChurnedWhole,
          keep_in_table,
          {read<LSTM>, read<GRU>, read<RNN<false>>, read<RNN<true>>, read_linear},
          adam_learn,
          adam_catch_up,
          drop,
          kLearners};
}

}  // namespace tenor::TENOR_ISA
