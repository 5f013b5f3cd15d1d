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

TENOR_INLINE Vec sigmoid(Vec x) {
  const Vec raised = exp(-abs(x));
  return (x < 0.0f ? raised : splat(1.0f)) / (raised + 1.0f);
}

TENOR_INLINE Vec tanh(Vec x) {
  Vec twice = abs(x) * -2.0f;
  twice = twice < -20.0f ? splat(-20.0f) : twice;
  Int n;
  const Vec rest = reduced(twice, n);
  const Vec scale = power(n);
  const Vec y = fma(scale, rest, scale - 1.0f);  // exp(-2|x|) - 1
  return with_sign(y / (-2.0f - y), x);
}

}  // namespace tenor::TENOR_ISA
