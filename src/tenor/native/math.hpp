// sigmoid and tanh of a vector, within 2 units in the last place of every result that is a
// normal float. A NaN stays one.
#pragma once

#include "simd.hpp"

namespace tenor::TENOR_ISA {

struct Raised {
  Vec power;  // 2^n, or 0 for n = -127
  Vec rest;   // exp(r) - 1 for |r| <= ln 2 / 2
};

// exp(x) = 2^n * (1 + rest), for -127 <= n <= 127.
TENOR_INLINE Raised raised(Vec x) {
  const float round = 12583039.0f;  // 1.5 * 2^23 + 127: adding it leaves the nearest whole number
  const Vec shifted = fma(x, splat(1.44269504f), splat(round));
  const Vec whole = shifted - round;
  Vec r = fma(whole, splat(-0.693147182f), x);
  r = fma(whole, splat(1.90465432e-9f), r);  // what the float nearest ln 2 lacks
  Vec p = splat(1.98458802e-4f);             // least relative error of the whole, by Lawson's method
  p = fma(p, r, splat(1.39406708e-3f));
  p = fma(p, r, splat(8.33338965e-3f));
  p = fma(p, r, splat(4.16663587e-2f));
  p = fma(p, r, splat(1.66666657e-1f));
  p = fma(p, r, splat(0.5f));
  return {(Vec)((Int)shifted << 23), fma(r * r, p, r)};
}

TENOR_INLINE Vec sigmoid(Vec x) {
  const Raised e = raised(-at_least(at_most(x, 88.0f), -88.0f));
  return 1.0f / (fma(e.power, e.rest, splat(1.0f)) + e.power);  // 2^n last: it may be large
}

// (1 - exp(-2 |x|)) / (1 + exp(-2 |x|)) with the sign of x.
TENOR_INLINE Vec tanh(Vec x) {
  const Vec size = at_most(abs(x), 10.0f);  // where the result has long been 1
  const Raised e = raised(-2.0f * size);
  const Vec above = fma(-e.power, e.rest, 1.0f - e.power);
  const Vec below = fma(e.power, e.rest, 1.0f + e.power);
  return with_sign(above / below, x);
}

}  // namespace tenor::TENOR_ISA
