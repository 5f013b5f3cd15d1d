// What core.cpp and the files of one instruction set each share: plain data and function pointers.
//
// No inline functions and no standard templates here or in what isa_*.cpp include: the linker keeps
// one copy of each, and it could be one that this processor cannot run.
#pragma once

#include <cstdint>

#include "learners.hpp"
#include "tenor.h"

namespace tenor {

constexpr int kBlockRows = 48;  // most rows read in lock-step; also inputs projected at once
constexpr float kStateSteps = 127;  // in which a state of -1 to 1 is counted, from 0 to 1

// A matrix in whole numbers, its rows along the lanes, some vectors in a tile; null where it is of floats.
struct WholeMatrix {
  const void* weights;   // [tile][some of the inner dimension][vector][lane][inner]
  const int32_t* begin;  // where sums begin [tile][vector][lane]
  const float* scale;    // what they stand for [tile][vector][lane]
  int64_t inner;         // filled up to whole vectors
};

// A layer's packed weights. A vector is `lanes` units; a group is one vector of each gate, units
// filled up with zeros. A word's share is what its input gives to the gates: `share` floats, the
// gates of a group side by side, filled up to a whole number of tiles.
struct Layer {
  Cell cell;
  Gating gating;
  int64_t inputs, hidden, groups, tiles;
  bool half;                // what a table keeps is floats of 16 bits: two in the place of one
  int64_t share, kept;      // floats of a word's share; of what a table keeps of it
  const float *ih, *bias;   // [tile][input][kTile][lane], [tile][kTile][lane]
  const float* hh;          // [group][state][gate][lane]; null in a linear recurrence
  WholeMatrix ih_whole, hh_whole;  // in place of these: tiles of kTile vectors, of a group's gates
  const float* state_bias;  // [group][lane], what stands beside a GRU's state product
};

// Where shares of words lie that were computed before.
struct Shares {
  const float *table, *more;  // rows below `rows`, and those from there on
  int64_t rows;
  const int32_t* row_of;  // (N,) the row of each word; null where shares are yet to be computed
};

// Texts read in lock-step, longest first, so those still being read are always the first ones.
struct Block {
  int rows;
  const int64_t* lengths;  // (rows,)
  const int64_t* first;    // (rows,) where the first word to read lies
  int64_t step;            // 1, or -1 to read backwards
  const float* x;
  int64_t x_stride;
  Shares shares;
  float* states;  // may be null
  int64_t states_stride;
  float *h, *c;             // (rows, units) the state: initial in, final out
  float* carry;             // (rows, share) what the word before gives a linear recurrence; may be null
  float *start, *sum, *max;  // (rows, units) of h: the first, all added, the largest; may be null
  float* scratch;            // (kBlockRows, share), then (kBlockRows, 4 * units)
  void* rounded;             // room for (kBlockRows, inner) whole numbers of ih_whole; null without
};

struct Dropout {
  float* x;  // (rows, width)
  const int32_t* ids;  // what rows are known by; null for their number
  int64_t width;
  uint32_t row_seed, row_limit, seed, limit;  // gone where the random number is below the limit
  float row_scale, scale;
};

using Activation = void (*)(const float* x, float* y, int64_t count);

// All that one instruction set offers.
struct Kernels {
  const char* name;
  int lanes;
  int together, whole_zero;  // whole numbers in a lane: 4 bytes or 2 of 16 bits; a state's zero
  Activation sigmoid, tanh;
  // Loops of so many multiply-adds of floats, or of whole numbers, none waiting for the one before.
  void (*churn)(int64_t loops, float* result);
  void (*churn_whole)(int64_t loops, float* result);
  int64_t churned, churned_whole;
  // What a table keeps of at most kBlockRows words; scratch: as many shares.
  void (*keep)(const Layer&, const float* const* in, int rows, float* scratch, float* out);
  void (*read[kCells])(const Layer&, const Block&);
  // Of the rows that are named, or of the first ones, from the first up to the last.
  void (*adam_learn)(const tenor_adam&, const float* gradient, float scale, int64_t first, int64_t last);
  void (*adam_catch_up)(const tenor_adam&, int32_t* made, float most_rate, int64_t first, int64_t last);
  void (*drop)(const Dropout&, int64_t first, int64_t last);
  Learners<float> learners;
};

extern const Kernels kBase, kAvx2, kAvx512, kAvx512Vnni;
extern const Kernels *const kAvx512Bf16, *const kAmx;  // null where the compiler does not know it

}  // namespace tenor
