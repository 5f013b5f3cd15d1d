// The numbers that a file computes with, in vectors: floats as wide as the instruction set, or doubles.
#pragma once

#include "learners.hpp"
#ifdef TENOR_IN_DOUBLES
#include "doubles.hpp"
#else
#include "math.hpp"
#endif

namespace tenor::TENOR_ISA {

TENOR_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }

TENOR_INLINE Vec candidate(Candidate kind, Vec x) {
  if (kind == kTanh) return tanh(x);
  return kind == kReLU ? (x < 0.0f ? splat(0.0f) : x) : x;
}

}  // namespace tenor::TENOR_ISA
