// What the processor has and the environment asks for, found out once.
#pragma once

#include <atomic>
#include <cfenv>
#include <exception>
#include <string>
#include <vector>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "kernels.hpp"
#include "tenor.h"
#include "threads.hpp"

namespace tenor {

struct Settings {
  std::vector<const Kernels*> available;  // slowest first
  std::string names;                      // theirs, with a space between
  const Kernels* kernels = nullptr;       // the ones in use; null when not ready
  std::atomic<int32_t> threads;
  tenor_result ready = TENOR_OK;

  Settings();
  const Kernels* find(const char* name) const;  // null if this processor lacks it
};

Settings& settings();

// Rounds to nearest and keeps denormal numbers, whatever the thread's owner has set; restores it.
class FloatEnvironment {
 public:
  FloatEnvironment() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() { std::fesetenv(&before_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
  std::fenv_t before_;
};

// The same, but that denormal numbers count as zeros: gradients of early words vanish into them, and
// processors take up to thirty times as long with them.
class FlushedEnvironment {
 public:
  FlushedEnvironment() {
#if defined(__SSE2__)
    _mm_setcsr(_mm_getcsr() | 0x8040);  // results and operands
#elif defined(__aarch64__)
    uint64_t control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    asm volatile("msr fpcr, %0" ::"r"(control | 1u << 24));
#endif
  }

 private:
  FloatEnvironment before_;
};

// No exception crosses the C interface.
template <class Work>
tenor_result guarded(const Work& work) noexcept {
  try {
    return work();
  } catch (const std::exception&) {  // bad_alloc, or length_error for a size beyond all memory
    return TENOR_NO_MEMORY;
  }
}

}  // namespace tenor
