// What core.cpp and the files of one instruction set each share: plain data and function pointers.
//
// No inline functions and no standard templates here or in what isa_*.cpp include: the linker keeps
// one copy of each, and it could be one that this processor cannot run.
#pragma once

#include <cstdint>

namespace tenor {

constexpr int kBlockRows = 48;  // most rows read in lock-step; also inputs projected at once
constexpr float kStateSteps = 4096;  // in which a state of -1 to 1 is counted, from 0 to 1
constexpr int kTile = 4;        // vectors of a word's share that are computed together

enum Cell { kLSTM, kGRU, kRNNTanh, kRNNReLU, kLinear, kCells };
enum Candidate { kTanh, kReLU, kIdentity };

// How a linear recurrence is gated.
struct Gating {
  bool previous;     // gates see the word before as well
  bool input, output, skip;
  Candidate candidate;
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
  const int16_t* hh_whole;  // [group][pair of states][gate][lane][2] where the state's product is
  const float* hh_scale;    // of whole numbers, and what they stand for [group][gate][lane]; or null
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
  float* scratch;            // (kBlockRows, share), then (kBlockRows, units * vectors)
};

using Activation = void (*)(const float* x, float* y, int64_t count);

// All that one instruction set offers.
struct Kernels {
  const char* name;
  int lanes;
  Activation sigmoid, tanh;
  // Does lanes * accumulators * loops multiply-adds, none waiting for the one before.
  void (*churn)(int64_t loops, float* result);
  int accumulators;
  // What a table keeps of at most kBlockRows words; scratch: as many shares.
  void (*keep)(const Layer&, const float* const* in, int rows, float* scratch, float* out);
  void (*read[kCells])(const Layer&, const Block&);
};

extern const Kernels kBase, kAvx2, kAvx512;

}  // namespace tenor
