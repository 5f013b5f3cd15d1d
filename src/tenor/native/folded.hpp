// Ids of words → what a layer computes from their vectors, each computed once while there is room.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "floats.hpp"
#include "kernels.hpp"
#include "tenor.h"

namespace tenor {

// Shares of the words of one pass.
struct Looked {
  Shares shares;
  std::vector<int32_t> row_of;
  Floats more;
};

// The first words of a vocabulary, which are the frequent ones, have a row of their own here. No
// locks: a pass computes what it misses for itself, and leaves it to later passes.
class Folded {
 public:
  Folded(const float* vectors, int64_t count, int64_t rows, int64_t floats_each);

  // TENOR_BAD_IDS where an id is not one of the vectors. Throws std::bad_alloc.
  tenor_result look_up(const Kernels& kernels, const Layer& layer, const int32_t* ids,
                       int64_t words, int threads, Looked& found);

 private:
  enum : uint8_t { kMissing, kClaimed, kReady };

  const float* vectors_;  // (count, E)
  const int64_t count_, rows_;
  std::atomic<int64_t> missing_;
  Floats table_;                                  // (rows, kept)
  std::unique_ptr<std::atomic<uint8_t>[]> ready_;  // (rows,)

  void compute(const Kernels& kernels, const Layer& layer, const std::vector<int32_t>& ids,
               int threads, float* out) const;
};

}  // namespace tenor
