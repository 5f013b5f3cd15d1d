// exp, sigmoid and tanh of a vector, within 2 units in the last place for every float.
//
// A NaN stays one: each clamp is written so that a comparison with it keeps it.
#pragma once

#include "simd.hpp"

namespace tenor::TENOR_ISA {

// x = n ln 2 + r; returns exp(r) - 1 for |r| <= ln 2 / 2 and fills n.
TENOR_INLINE Vec reduced(Vec x, Int& n) {
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number
  const Vec shifted = fma(x, splat(1.44269504f), splat(round));
  n = (Int)shifted - (Int)splat(round);
  const Vec whole = shifted - round;
  Vec r = fma(whole, splat(-0.693147182f), x);
  r = fma(whole, splat(1.90465432e-9f), r);  // what the float nearest ln 2 lacks
  Vec p = splat(1.9875691500e-4f);           // coefficients: Moshier, Cephes, expf
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  return fma(r * r, p, r);
}

// 2^n for -126 <= n <= 127.
TENOR_INLINE Vec power(Int n) { return (Vec)((n + 127) << 23); }

TENOR_INLINE Vec exp(Vec x) {
  x = x > 89.0f ? splat(89.0f) : x;
  x = x < -104.0f ? splat(-104.0f) : x;
  Int n;
  const Vec y = reduced(x, n) + 1.0f;
  const Int half = n >> 1;  // in two steps: 2^n itself may lie outside the floats
  return y * power(half) * power(n - half);
}

// 1 / (1 + exp(x)) for x >= 0. Both sides of the fraction are multiplied by 2^-half, which keeps
// them in range for every n; the sum's order loses nothing where n is large.
TENOR_INLINE Vec falling(Vec x) {
  x = x > 104.0f ? splat(104.0f) : x;
  Int n;
  const Vec rest = reduced(x, n);
  const Int half = n >> 1;
  const Vec one = power(-half);
  const Vec scale = power(n - half);
  return one / (fma(scale, rest, one) + scale);
}

TENOR_INLINE Vec sigmoid(Vec x) {
  const Vec y = falling(abs(x));
  return x < 0.0f ? y : 1.0f - y;
}

TENOR_INLINE Vec tanh(Vec x) {
  Vec size = abs(x);
  const Vec square = size * size;
  Vec p = splat(-5.70498872745e-3f);  // coefficients: Moshier, Cephes, tanhf
  p = fma(p, square, splat(2.06390887954e-2f));
  p = fma(p, square, splat(-5.37397155531e-2f));
  p = fma(p, square, splat(1.33314422036e-1f));
  p = fma(p, square, splat(-3.33332819422e-1f));
  const Vec small = fma(p * square, size, size);
  const Int is_small = size < 0.625f;
  size = size > 10.0f ? splat(10.0f) : size;  // where the result has long been 1
  const Vec large = fma(splat(-2.0f), falling(size + size), splat(1.0f));
  return with_sign(is_small ? small : large, x);
}

}  // namespace tenor::TENOR_ISA
