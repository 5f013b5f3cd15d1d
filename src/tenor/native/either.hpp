// A product whose other factor was packed in the numbers themselves or in bf16, which doubles are not.
#pragma once

#ifdef TENOR_IN_DOUBLES
#include "product.hpp"
#else
#include "bf16.hpp"
#endif

namespace tenor::TENOR_ISA {

#ifdef TENOR_IN_DOUBLES
constexpr decltype(Learners<real>::pack_bf16) kPackBf16 = nullptr;
#else
constexpr auto* kPackBf16 = pack_bf16;
#endif

inline void multiply_either(const Product<real>& of, int64_t first, int64_t last) {
#ifndef TENOR_IN_DOUBLES
  if (of.b_bf16) return multiply_bf16(of, first, last);
#endif
  multiply(of, first, last);
}

// Packs all of a factor into room that is enough.
TENOR_INLINE Packed<real> pack_either(const Factor<real>& from, int64_t inner, int64_t columns,
                                      [[maybe_unused]] bool bf16, real* room) {
#ifndef TENOR_IN_DOUBLES
  if (bf16) {
    uint16_t* const narrow = reinterpret_cast<uint16_t*>(room);
    pack_bf16(from, inner, columns, 0, padded_inner(inner) / 2, narrow);
    return {nullptr, narrow};
  }
#endif
  pack(from, inner, columns, 0, inner, room);
  return {room, nullptr};
}

}  // namespace tenor::TENOR_ISA
