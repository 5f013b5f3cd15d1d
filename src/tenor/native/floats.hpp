// Aligned arrays of floats.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace tenor {

struct Free {
  void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};
using Floats = std::unique_ptr<float[], Free>;

// Not filled. Throws std::bad_alloc.
inline Floats floats(int64_t count) {
  return Floats(new (std::align_val_t{64}) float[static_cast<size_t>(count)]);
}

}  // namespace tenor
