// What core.cpp and the files of one instruction set each share: plain data and function pointers.
//
// No inline functions and no standard templates here or in what isa_*.cpp include: the linker keeps
// one copy of each, and it could be one that this processor cannot run.
#pragma once

#include <cstdint>

namespace tenor {

constexpr int kBlockRows = 48;  // most rows read in lock-step; also inputs projected at once

// Weights packed as [group of `lanes` units][input][gate][lane], units filled up with zeros.
struct Layer {
  int64_t inputs, hidden, groups;
  const float *ih, *hh, *bias;
};

// Texts read in lock-step, longest first, so those still being read are always the first ones.
struct Block {
  int rows;
  const int64_t* lengths;  // (rows,)
  const int64_t* first;    // (rows,) where the first word to read lies
  int64_t step;            // 1, or -1 to read backwards
  const float* x;
  int64_t x_stride;
  float* states;  // may be null
  int64_t states_stride;
  float *h, *c;  // (rows, groups * lanes) the state: initial in, final out
  float* next;   // (rows, groups * lanes) scratch
  float* ahead;  // (kBlockRows, groups * 4 * lanes) scratch: the inputs' share of the gates
};

using Activation = void (*)(const float* x, float* y, int64_t count);

// All that one instruction set offers.
struct Kernels {
  const char* name;
  int lanes;
  Activation exp, sigmoid, tanh;
  void (*lstm)(const Layer&, const Block&);
};

extern const Kernels kBase, kAvx2, kAvx512;

}  // namespace tenor
