// What products and layers share while they are learnt: memory that is used again, packed factors.
#pragma once

#include <vector>

#include "floats.hpp"
#include "kernels.hpp"
#include "tenor.h"

namespace tenor {

// Grows as needed and is not filled.
struct Memory {
  Floats data;
  int64_t size = 0;  // in floats

  template <class Real>
  Real* room(int64_t count) {
    const int64_t needed = count * static_cast<int64_t>(sizeof(Real) / sizeof(float));
    if (needed > size) {
      data = floats(needed);
      size = needed;
    }
    return as<Real>();
  }

  template <class Real>
  Real* as() const {
    return reinterpret_cast<Real*>(data.get());
  }
};

// Of one pass: what forward leaves for backward, and what either uses.
struct LayerMemory {
  Memory kept, largest, d_words, turned, scratch, room, forward_ih, forward_hh, backward_ih, backward_hh;
  std::vector<int64_t> texts, steps, stretches;
};

// Of the instruction set in use; doubles have one.
template <class Real>
const Learners<Real>& learners();

inline bool is_of_learning(tenor_precision precision) {
  return precision == TENOR_FLOAT32 || precision == TENOR_BF16 || precision == TENOR_FLOAT64;
}

// How many numbers take a packed factor (inner, columns), in bf16 or not.
template <class Real>
int64_t packed_size(int64_t inner, int64_t columns, bool bf16);

// Packs a factor (inner, columns) into such room, on so many threads.
template <class Real>
Packed<Real> pack(const Factor<Real>& from, int64_t inner, int64_t columns, bool bf16, int threads, Real* room);

// Reads passes that do not depend on each other, or goes back through them.
tenor_result learn(std::vector<LayerMemory>& memories, const tenor_learning_pass* passes, int64_t count,
                   bool back);

}  // namespace tenor

struct tenor_learner {
  std::vector<tenor::LayerMemory> layers;
  std::vector<int32_t> rows, marks;  // by id: its row where its mark is that of the last call
  int32_t mark = 0;
};
