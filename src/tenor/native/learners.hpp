// What learner.cpp and training.cpp share with the files of one instruction set each, beside kernels.hpp and by
// its rules. All is there in floats, and once in doubles, which gradients are checked with.
#pragma once

#include <cstdint>

namespace tenor {

constexpr int kTile = 4;   // vectors of a word's share that are computed together
constexpr int kAhead = 8;  // words whose gates a linear recurrence fetches before they are needed

enum Cell { kLSTM, kGRU, kRNNTanh, kRNNReLU, kLinear, kCells };
enum Candidate { kTanh, kReLU, kIdentity };

// How a linear recurrence is gated.
struct Gating {
  bool previous;     // gates see the word before as well
  bool input, output, skip;
  Candidate candidate;
};

constexpr int64_t kBf16Inner = 32, kBf16Columns = 16;  // of a tile of bf16

// How long the inner dimension of a factor is that is packed in bf16.
static inline int64_t padded_inner(int64_t inner) { return (inner + kBf16Inner - 1) / kBf16Inner * kBf16Inner; }

// Where an element (row, column) of a matrix is.
template <class Real>
struct Factor {
  const Real* data;
  int64_t row, column;
};

// A product C = A B of matrices, or C + A B.
template <class Real>
struct Product {
  const Real* a;
  int64_t a_row, a_inner;  // steps from one element to the next
  const Real* b;           // packed: [tile][inner][kTile][lane], zeros beyond the columns; or null and
  const uint16_t* b_bf16;  // [tile][pair of inner][kBf16Columns][2], rounded as the other factor will be
  const Real* bias;        // (columns,) where sums begin; null for zeros
  Real* c;
  int64_t c_row;
  int64_t inner, columns;
  bool add;  // to what C holds
};

// One layer and direction while it is learnt. U known words make up the N words of B texts. Arrays that are null
// are not wanted, or their gradients are zeros.
template <class Real>
struct LayerLearning {
  bool reverse;
  int64_t hidden, truncate;  // truncate: gradients stay in windows of so many words; 0: none
  const Real* shares;        // (U, …) what a word's vector gives to its gates
  const int32_t* row_of;     // (N,) which known word each is
  const int64_t* offsets;
  Real* states;  // (N, H), states_stride apart
  int64_t states_stride;
  Real *final_h, *start_h, *sum_h, *max_h;  // (B, H)
  const Real* d_states[2];                  // their sum
  int64_t d_states_stride;
  const Real *d_final, *d_start, *d_sum, *d_max;
  Real* d_shares;
};

// A gated linear recurrence. Shares: (U, gates * H + skip * H) of a word's own gates, then what skips. Without
// row_of each word is itself; there are no second gradients of states.
template <class Real>
struct LinearLearning : LayerLearning<Real> {
  Candidate candidate;
  int64_t known, texts;
  const Real* given;  // (U, gates * H) what a word gives to the next one's gates
  Real* d_given;
};

// Of one kind of gating; a block of units is one task.
template <class Real>
struct LinearLearner {
  int64_t units;
  void (*sizes)(const LinearLearning<Real>&, int64_t longest, int64_t* table, int64_t* scratch);
  void (*forward)(const LinearLearning<Real>&, int64_t unit, Real* table);
  void (*backward)(const LinearLearning<Real>&, int64_t unit, Real* table, Real* scratch);
};

// A packed factor, one or the other, as Product takes it.
template <class Real>
struct Packed {
  const Real* numbers;
  const uint16_t* bf16;
};

// A layer whose gates see the state. Of a word there is its share (U, gates * H), computed before, or, without
// row_of, its vector.
// What is kept lies step by step, so that both ways go straight through it: of each step the texts that have a
// word there, by their ranks, the longest first.
template <class Real>
struct GatedLearning : LayerLearning<Real> {
  int64_t inputs;
  const Real* x;  // (N, I), x_stride apart
  int64_t x_stride;
  const Real *bias, *state_bias;          // (gates * H,) of vectors; (H,) of a GRU's new gate; or null
  Packed<Real> forward_ih, forward_hh;    // (I, gates * H), (H, gates * H)
  Packed<Real> backward_ih, backward_hh;  // (gates * H, I), (gates * H, H)
  const int64_t* texts;                   // (B,) by rank
  const int64_t* steps;                   // (T + 1,) where each begins
  int64_t length;                         // T, of the longest text
  Real *gates, *cells, *before;  // (N, gates * H), (N, H), (N, H) the state before each word; step by step
  int64_t gates_apart;           // from the gates of one word to the next one's, in numbers
  bool narrow;                   // gates that are bounded have 16 bits each: (N, gates * narrow_row(H))
  Real* largest;                 // (B, H) at which word each unit was largest: bits of whole numbers
  // Of some steps: gradients of words' shares and of the state's sums, which most cells have the same of.
  Real *d_words, *d_sums;
  Real* d_x;  // (N, I), and the next, or null and
  Real *turned_ih, *turned_hh, *d_bias, *d_state_bias;  // added to: (I, gates * H), (H, gates * H), …
  Real *d_weight_ih, *d_weight_hh;                      // (gates * H, I), (gates * H, H)
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
template <class Real>
struct GatedLearner {
  int gates;
  bool own_sums, bounded;
  void (*forward)(const GatedLearning<Real>&, const SomeTexts&, Real* scratch);
  // From the step before `last` down to `first`; scratch stays from the stretch before.
  void (*backward)(const GatedLearning<Real>&, const SomeTexts&, int64_t first, int64_t last, Real* scratch);
  // Adds what a stretch of steps gives to the gradients of weights, in some of their columns; its rows of gates lie
  // rows_apart. room: packed columns, then vectors.
  void (*add_up)(const GatedLearning<Real>&, int64_t first, int64_t last, int64_t column, int64_t end, Real* room,
                 Real* vectors);
  void (*finish)(const GatedLearning<Real>&);  // the gradients, when all is added up
};

constexpr int64_t kTaskRows = 96;  // of one task of a product

// What learning takes of an instruction set.
template <class Real>
struct Learners {
  int lanes;
  // Rows from the first up to the last.
  void (*multiply)(const Product<Real>&, int64_t first, int64_t last);
  // Some of the inner rows of a factor (inner, columns) as Product takes it; pairs of them in bf16, where there is
  // such a product.
  void (*pack)(const Factor<Real>&, int64_t inner, int64_t columns, int64_t first, int64_t last, Real* to);
  void (*pack_bf16)(const Factor<Real>&, int64_t inner, int64_t columns, int64_t first, int64_t last, uint16_t* to);
  const LinearLearner<Real>* (*linear)(const Gating&);
  const GatedLearner<Real>* (*gated)(Cell);
};

extern const Learners<double> kInDoubles;

}  // namespace tenor
