// The numbers that a file computes with, in vectors: floats as wide as the instruction set, or doubles.
#pragma once

#include <limits>

#include "learners.hpp"
#ifdef TENOR_IN_DOUBLES
#include "doubles.hpp"
#else
#include "math.hpp"
#endif

namespace tenor::TENOR_ISA {

TENOR_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }

// A gate that is never quite shut: two of them, scaled to a sum of 1, are else 0 / 0. A NaN stays one.
TENOR_INLINE Vec ajar(Vec gate) { return larger(splat(std::numeric_limits<real>::min()), gate); }

TENOR_INLINE Vec candidate(Candidate kind, Vec x) {
  if (kind == kTanh) return tanh(x);
  return kind == kReLU ? (x < 0.0f ? splat(0.0f) : x) : x;
}

}  // namespace tenor::TENOR_ISA
