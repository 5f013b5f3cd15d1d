// A layer's packed weights, and texts read with them.
#pragma once

#include <memory>
#include <new>

#include "kernels.hpp"
#include "tenor.h"

namespace tenor {

struct Free {
  void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};
using Floats = std::unique_ptr<float[], Free>;

}  // namespace tenor

struct tenor_lstm {
  const tenor::Kernels* kernels;
  tenor::Layer layer;
  tenor::Floats ih, hh, bias;
};

namespace tenor {

// Throws std::bad_alloc. Sizes are at least 1 and small enough for their products.
std::unique_ptr<tenor_lstm> pack(const Kernels& kernels, int64_t inputs, int64_t hidden,
                                 const float* weight_ih, const float* weight_hh, const float* bias);

// Checks the arrays, then reads. Throws std::bad_alloc and std::length_error.
tenor_result read_texts(const tenor_lstm& lstm, const tenor_lstm_pass& io);

}  // namespace tenor
