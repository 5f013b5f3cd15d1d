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
  int64_t size = 0;

  float* room(int64_t count) {
    if (count > size) {
      data = floats(count);
      size = count;
    }
    return data.get();
  }
};

// Of one pass: what forward leaves for backward, and what either uses.
struct LayerMemory {
  Memory kept, d_words, turned, scratch, room, forward_ih, forward_hh, backward_ih, backward_hh;
  std::vector<int32_t> largest;
  std::vector<int64_t> texts, steps, stretches;
};

// How many floats take a packed factor (inner, columns), in bf16 or not.
int64_t packed_size(const Kernels& kernels, int64_t inner, int64_t columns, bool bf16);

// Packs a factor (inner, columns) into such room, on so many threads.
Packed pack(const Kernels& kernels, const Factor& from, int64_t inner, int64_t columns, bool bf16, int threads,
            float* room);

// Reads passes that do not depend on each other, or goes back through them.
tenor_result learn(std::vector<LayerMemory>& memories, const tenor_learning_pass* passes, int64_t count,
                   bool back);

}  // namespace tenor

struct tenor_learner {
  std::vector<tenor::LayerMemory> layers;
  std::vector<int32_t> rows, marks;  // by id: its row where its mark is that of the last call
  int32_t mark = 0;
};
