// What core.cpp and the files of one instruction set each share: plain data and function pointers.
//
// No inline functions and no standard templates here or in what isa_*.cpp include: the linker keeps
// one copy of each, and it could be one that this processor cannot run.
#pragma once

#include <cstdint>

#include "tenor.h"

namespace tenor {

constexpr int kBlockRows = 48;  // most rows read in lock-step; also inputs projected at once
constexpr float kStateSteps = 127;  // in which a state of -1 to 1 is counted, from 0 to 1
constexpr int kTile = 4;        // vectors of a word's share that are computed together

enum Cell { kLSTM, kGRU, kRNNTanh, kRNNReLU, kLinear, kCells };
enum Candidate { kTanh, kReLU, kIdentity };

// How a linear recurrence is gated.
struct Gating {
  bool previous;     // gates see the word before as well
  bool input, output, skip;
  Candidate candidate;
};

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

constexpr int64_t kBf16Inner = 32, kBf16Columns = 16;  // of a tile of bf16

// How long the inner dimension of a factor is that is packed in bf16.
static inline int64_t padded_inner(int64_t inner) { return (inner + kBf16Inner - 1) / kBf16Inner * kBf16Inner; }

// Where an element (row, column) of a matrix is.
struct Factor {
  const float* data;
  int64_t row, column;
};

// A product C = A B of matrices, or C + A B.
struct Product {
  const float* a;
  int64_t a_row, a_inner;  // steps from one element to the next
  const float* b;          // packed: [tile][inner][kTile][lane], zeros beyond the columns; or null and
  const uint16_t* b_bf16;  // [tile][pair of inner][kBf16Columns][2], rounded as the other factor will be
  const float* bias;       // (columns,) where sums begin; null for zeros
  float* c;
  int64_t c_row;
  int64_t inner, columns;
  bool add;  // to what C holds
};

// A gated linear recurrence while it is learnt: one layer and direction. U known words make up the
// N words of B texts. Arrays that are null are not wanted, or their gradients are zeros.
struct LinearLearning {
  Candidate candidate;
  bool reverse;
  int64_t hidden, truncate, known, texts;  // truncate: gradients stay in windows of so many words; 0: none
  const float* shares;    // (U, gates * H + skip * H) of a word's own gates, then what skips
  const float* given;     // (U, gates * H) what a word gives to the next one's gates
  const int32_t* row_of;  // (N,) which known word each is; null where it is itself
  const int64_t* offsets;
  float* states;  // (N, H), states_stride apart
  int64_t states_stride;
  float *final_h, *start_h, *sum_h, *max_h;  // (B, H)
  const float* d_states;
  int64_t d_states_stride;
  const float *d_final, *d_start, *d_sum, *d_max;
  float *d_shares, *d_given;
};

// Of one kind of gating; a block of units is one task.
struct LinearLearner {
  int64_t units;
  void (*sizes)(const LinearLearning&, int64_t longest, int64_t* table, int64_t* scratch);
  void (*forward)(const LinearLearning&, int64_t unit, float* table);
  void (*backward)(const LinearLearning&, int64_t unit, float* table, float* scratch);
};

// A packed factor, one or the other, as Product takes it.
struct Packed {
  const float* floats;
  const uint16_t* bf16;
};

// The same of a cell whose gates see the state. Of a word there is its share, computed before, or its vector.
// What is kept lies step by step, so that both ways go straight through it: of each step the texts that have a
// word there, by their ranks, the longest first.
struct GatedLearning {
  bool reverse;
  int64_t hidden, inputs, truncate;
  const float* shares;    // (U, gates * H)
  const int32_t* row_of;  // null where there are vectors
  const float* x;         // (N, I), x_stride apart
  int64_t x_stride;
  const float *bias, *state_bias;  // (gates * H,) of vectors; (H,) of a GRU's new gate; or null
  Packed forward_ih, forward_hh;    // (I, gates * H), (H, gates * H)
  Packed backward_ih, backward_hh;  // (gates * H, I), (gates * H, H)
  const int64_t *offsets, *texts;   // (B,) by rank
  const int64_t* steps;             // (T + 1,) where each begins
  int64_t length;                   // T, of the longest text
  float* states;
  int64_t states_stride;
  float *final_h, *start_h, *sum_h, *max_h;
  const float* d_states[2];  // their sum
  int64_t d_states_stride;
  const float *d_final, *d_start, *d_sum, *d_max;
  float *gates, *cells, *before;  // (N, gates * H), (N, H), (N, H) the state before each word; step by step
  int64_t gates_apart;            // from the gates of one word to the next one's, in floats
  bool narrow;                    // gates that are bounded have 16 bits each: (N, gates * narrow_row(H))
  int32_t* largest;               // (B, H) at which word each unit was largest
  // Of some steps: gradients of words' shares and of the state's sums, which most cells have the same of.
  float *d_words, *d_sums;
  float* d_x;  // (N, I), and the next, or null and
  float *turned_ih, *turned_hh, *d_bias, *d_state_bias, *d_shares;  // added to: (I, gates * H), (H, gates * H), …
  float *d_weight_ih, *d_weight_hh;                                 // (gates * H, I), (gates * H, H)
};

// How far apart rows of gates lie that are worked on, or turned: a line further than a multiple of a page, for
// lines that are so far apart drive each other out of the cache.
static inline int64_t rows_apart(int64_t width) { return (width + 15) / 16 * 16 + 16; }

static inline int64_t narrow_row(int64_t units) { return (units + 15) / 16 * 16; }  // vectors are whole

// Texts by rank: first, first + step, … so many.
struct SomeTexts {
  int64_t first, step, count;
};

// Of one kind of cell. The way back is in stretches of steps: all texts go through one, and then it is added up.
struct GatedLearner {
  int gates;
  bool own_sums, bounded;
  void (*forward)(const GatedLearning&, const SomeTexts&, float* scratch);
  // From the step before `last` down to `first`; scratch stays from the stretch before.
  void (*backward)(const GatedLearning&, const SomeTexts&, int64_t first, int64_t last, float* scratch);
  // Its rows of gates lie rows_apart. What the steps give to gradients of weights, some of the columns; room: packed columns, then vectors.
  void (*add_up)(const GatedLearning&, int64_t first, int64_t last, int64_t column, int64_t end, float* room,
                 float* vectors);
  void (*finish)(const GatedLearning&);  // the gradients, when all is added up
};

constexpr int64_t kTaskRows = 96;  // of one task of a product

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
  // Rows from the first up to the last.
  void (*multiply)(const Product&, int64_t first, int64_t last);
  // Some of the inner rows of a factor (inner, columns) as Product takes it; pairs of them in bf16.
  void (*pack_floats)(const Factor&, int64_t inner, int64_t columns, int64_t first, int64_t last, float* to);
  void (*pack_bf16)(const Factor&, int64_t inner, int64_t columns, int64_t first, int64_t last, uint16_t* to);
  // Of the rows that are named, or of the first ones, from the first up to the last.
  void (*adam_learn)(const tenor_adam&, const float* gradient, float scale, int64_t first, int64_t last);
  void (*adam_catch_up)(const tenor_adam&, int32_t* made, float most_rate, int64_t first, int64_t last);
  void (*drop)(const Dropout&, int64_t first, int64_t last);
  const LinearLearner* (*linear_learner)(const Gating&);
  const GatedLearner* (*gated_learner)(Cell);
};

extern const Kernels kBase, kAvx2, kAvx512, kAvx512Vnni;
extern const Kernels* const kAmx;  // null where the compiler does not know it

}  // namespace tenor
