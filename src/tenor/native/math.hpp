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

// What follows is for states that are rounded to whole numbers: fewer steps, a relative error of 4e-7, and
// fractions to be put together, as a division takes as long as a dozen steps.

// 1 / sigmoid(x); at most e^40, so that the product of two has room.
TENOR_INLINE Vec one_by_sigmoid(Vec x) {
  const float round = 12583039.0f;
  x = at_least(at_most(x, 40.0f), -40.0f);
  const Vec shifted = fma(x, splat(-1.44269504f), splat(round));
  const Vec r = fma(shifted - round, splat(0.693147182f), x);  // exp(-x) = 2^n exp(-r)
  Vec p = splat(-8.29026455e-3f);  // least relative error, by Lawson's method
  p = fma(p, r, splat(4.18981602e-2f));
  p = fma(p, r, splat(-1.66676382e-1f));
  p = fma(p, r, splat(4.99991478e-1f));
  p = fma(p, r, splat(-9.99999706e-1f));
  p = fma(p, r, splat(1.0f));
  return fma((Vec)((Int)shifted << 23), p, splat(1.0f));
}

struct Fraction {
  Vec above, below;
};

// tanh(x), by polynomials of least relative error up to 9, where it has long been 1.
TENOR_INLINE Fraction tanh_fraction(Vec x) {
  x = at_least(at_most(x, 9.0f), -9.0f);
  const Vec square = x * x;
  Vec above = splat(1.33546157e-8f), below = splat(7.7765397e-7f);
  above = fma(above, square, splat(2.06090497e-5f));
  below = fma(below, square, splat(3.28563159e-4f));
  above = fma(above, square, splat(3.49558615e-3f));
  below = fma(below, square, splat(2.58769747e-2f));
  above = fma(above, square, splat(1.3381024e-1f));
  below = fma(below, square, splat(4.67143396e-1f));
  above = fma(above, square, splat(0.999999979f));
  below = fma(below, square, splat(1.0f));
  return {x * above, below};
}

}  // namespace tenor::TENOR_ISA
