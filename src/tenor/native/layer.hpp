// A layer's packed weights, and texts read with them.
#pragma once

#include <memory>
#include <new>
#include <vector>

#include "folded.hpp"
#include "kernels.hpp"
#include "tenor.h"

namespace tenor {

// What a WholeMatrix points to.
struct WholeRoom {
  Floats weights, scale;  // weights: room for whole numbers
  std::vector<int32_t> begin;
};

}  // namespace tenor

struct tenor_layer {
  const tenor::Kernels* kernels;
  tenor::Layer layer;
  tenor::Floats ih, bias, hh, state_bias;
  tenor::WholeRoom ih_whole, hh_whole;
  std::unique_ptr<tenor::Folded> folded;
};

namespace tenor {

// What a cell and its activation are by their names.
struct Named {
  const char *cell, *activation;
  Cell kind;
  Candidate candidate;
};

// Null where there is no such cell.
const Named* find_named(const char* cell, const char* activation);

// Throws std::bad_alloc. TENOR_BAD_NAME or TENOR_BAD_SIZE where the settings make no sense.
tenor_result pack(const Kernels& kernels, const tenor_layer_settings& settings, tenor_layer& made);

// A layer without a state, of which keep() gives the sums (rows, share): the outputs come first.
void pack_dense(const Kernels& kernels, const float* weight, const float* bias, int64_t outputs,
                int64_t inputs, tenor_layer& made);

// Whether B + 1 offsets begin at 0 and never fall.
bool rise(const int64_t* offsets, int64_t texts);

// The texts between offsets, by length; those of one length stay in order.
std::vector<int64_t> longest_first(const int64_t* offsets, int64_t texts);

// Checks the arrays, then reads. Throws std::bad_alloc and std::length_error.
tenor_result read_texts(const tenor_layer& layer, const tenor_pass& io, int most_threads);

}  // namespace tenor
