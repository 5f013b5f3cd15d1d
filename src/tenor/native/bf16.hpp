// Products of matrices of one instruction set whose factors are rounded to bf16, the upper halves of
// floats. Of 32 products in a row those at even places are one sum, those at odd places another, each
// in order, a fused multiply-add each; then both are added to what was there: the order in which AMX
// adds, so that all have the same bits where denormal numbers count as zeros. AVX-512's instruction for
// bf16 adds two products to a sum, that of the upper halves first, so it is given two of even places, then
// two of odd ones.
#pragma once

#include "product.hpp"
#include "tiles.hpp"

namespace tenor::TENOR_ISA {

// How much of the inner dimension is multiplied at once, and with how many rows: those stay in the first cache, while
// columns pass by. To bring four tiles of sums in and back takes AMX as long as six products, and longer from afar.
#if defined(__AMX_BF16__)
constexpr int64_t kBf16Block = 512;
constexpr int64_t rows_at_once(int64_t padded) { return padded <= 128 ? kTaskRows : 2 * kTileRows; }
#else
constexpr int64_t kBf16Block = 256;
constexpr int64_t rows_at_once(int64_t) { return kTaskRows; }
#endif
constexpr int64_t kBf16Room = kTaskRows * 256;
static_assert(rows_at_once(128) * 128 <= kBf16Room && rows_at_once(kBf16Block) * kBf16Block <= kBf16Room);

using Narrow = uint16_t __attribute__((vector_size(kLanes * 2)));

// Which numbers of the inner dimension a pair holds in its lower half and in its upper one; a row's numbers in
// the order of their pairs.
#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
TENOR_INLINE int64_t upper_of(int64_t pair) { return pair / 2 * 4 + pair % 2; }
TENOR_INLINE int64_t lower_of(int64_t pair) { return upper_of(pair) + 2; }
TENOR_INLINE Narrow in_pairs(Narrow x) {
  constexpr int kOrder = _MM_SHUFFLE(1, 3, 0, 2);
  return (Narrow)_mm256_shufflehi_epi16(_mm256_shufflelo_epi16((__m256i)x, kOrder), kOrder);
}
#else
TENOR_INLINE int64_t lower_of(int64_t pair) { return 2 * pair; }
TENOR_INLINE int64_t upper_of(int64_t pair) { return 2 * pair + 1; }
TENOR_INLINE Narrow in_pairs(Narrow x) { return x; }
#endif

// Of floats the nearest bf16, of two the even one, in their upper halves; a NaN stays one, and denormal numbers
// become zeros, as which they count in products.
TENOR_INLINE Int rounded(Vec x) {
  const Int bits = (Int)x, is_number = x == x, is_normal = (bits & 0x7f800000) != 0;
  const Int nearest = is_normal ? bits + 0x7fff + (bits >> 16 & 1) : bits & (int32_t)0x80000000;
  return (is_number ? nearest : Int{} + 0x7fc00000) & (int32_t)0xffff0000;
}

TENOR_INLINE Int upper_to_lower(Int x) { return (Int)((uint32_t __attribute__((vector_size(kLanes * 4))))x >> 16); }

// The nearest bf16 themselves.
TENOR_INLINE Narrow narrowed(Vec x) {
#if defined(__AVX512BF16__)
  return (Narrow)_mm512_cvtneps_pbh((__m512)x);
#else
  return __builtin_convertvector(upper_to_lower(rounded(x)), Narrow);
#endif
}

// Two of them as one lane, the first in its lower half.
TENOR_INLINE Int paired(Vec first, Vec second) {
#if defined(__AVX512BF16__)
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (Int)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
#else
  return rounded(second) | upper_to_lower(rounded(first));
#endif
}

// A number of up to kLanes rows; zeros beyond.
TENOR_INLINE Vec column_of(const Factor<float>& from, int64_t row, int64_t count, int64_t k, int64_t inner) {
  Vec found = {};
  if (k >= inner) return found;
  const float* source = from.data + row * from.row + k * from.column;
  if (from.row == 1) return load_some(source, count);
  for (int64_t lane = 0; lane < kLanes && lane < count; ++lane) found[lane] = source[lane * from.row];
  return found;
}

TENOR_INLINE Int rounded_pair(const Factor<float>& from, int64_t row, int64_t count, int64_t pair, int64_t inner) {
  return paired(column_of(from, row, count, lower_of(pair), inner),
                column_of(from, row, count, upper_of(pair), inner));
}

// Pairs of rows of a factor (inner, columns) from the first up to the last; an end that is missing is
// zeros. → [tile of columns][pair][kBf16Columns][2]
inline void pack_bf16(const Factor<float>& from, int64_t inner, int64_t columns, int64_t first, int64_t last,
                      uint16_t* to) {
  const int64_t pairs = padded_inner(inner) / 2;
  const Factor<float> turned{from.data, from.column, from.row};
  for (int64_t begin = 0; begin < columns; begin += kBf16Columns) {
    uint16_t* const tile = to + begin * pairs * 2;
    for (int64_t pair = first; pair < last; ++pair) {
      for (int64_t at = 0; at < kBf16Columns; at += kLanes) {
        const Int both = rounded_pair(turned, begin + at, columns - begin - at, pair, inner);
        __builtin_memcpy(tile + (pair * kBf16Columns + at) * 2, &both, sizeof both);
      }
    }
  }
}

#if defined(__AVX512F__)
// Lane r of vector i becomes lane i of vector r.
TENOR_INLINE void transpose(Int (&of)[kLanes]) {
#pragma GCC unroll 4
  for (int step = 1; step < kLanes; step *= 2) {
    Int first, second;  // which lanes of two vectors, one after the other
    for (int lane = 0; lane < kLanes; ++lane) {
      first[lane] = lane & step ? kLanes + lane - step : lane;
      second[lane] = lane & step ? kLanes + lane : lane + step;
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if (i & step) continue;
      const __m512i a = (__m512i)of[i], b = (__m512i)of[i + step];
      of[i] = (Int)_mm512_permutex2var_epi32(a, (__m512i)first, b);
      of[i + step] = (Int)_mm512_permutex2var_epi32(a, (__m512i)second, b);
    }
  }
}
#endif

// Some rows and a stretch of the inner dimension of a factor as (rows, padded) in bf16, pair by pair, zeros beyond.
TENOR_INLINE void round_rows(const Factor<float>& from, int64_t rows, int64_t inner, int64_t padded, uint16_t* to) {
  if (from.column == 1) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t k = 0; k < padded; k += kLanes) {
        const Vec x = load_some(from.data + row * from.row + k, inner - k);
        const Narrow narrow = in_pairs(narrowed(x));
        __builtin_memcpy(to + row * padded + k, &narrow, sizeof narrow);
      }
    }
    return;
  }
  // Columns that are rows in memory: turned over in squares, pairs of numbers of a row at a time.
  constexpr int kPairs = kBf16Inner / 2;
  Int pairs[kPairs];
  for (int64_t k = 0; k < padded; k += kBf16Inner) {
    for (int64_t row = 0; row < rows; row += kLanes) {
      const int64_t count = rows - row < kLanes ? rows - row : kLanes;
      for (int64_t i = 0; i < kPairs; ++i) pairs[i] = rounded_pair(from, row, count, k / 2 + i, inner);
#if defined(__AVX512F__)
      static_assert(kPairs == kLanes);
      transpose(pairs);
      for (int64_t r = 0; r < count; ++r) __builtin_memcpy(to + (row + r) * padded + k, &pairs[r], sizeof pairs[r]);
#else
      for (int64_t r = 0; r < count; ++r) {
        int32_t turned[kPairs];
        for (int i = 0; i < kPairs; ++i) turned[i] = pairs[i][r];
        __builtin_memcpy(to + (row + r) * padded + k, turned, sizeof turned);
      }
#endif
    }
  }
}

// A stretch of the inner dimension: rows (rows, padded) in bf16, and where each tile of columns has it.
struct Stretch {
  const uint16_t* rows;
  int64_t padded;
  const uint16_t* weights;
  int64_t tile_step;  // from one tile of columns to the next
};

#if defined(__AMX_BF16__)

constexpr int64_t kTileStep = kTileRows * kBf16Inner;  // numbers of a tile

// One or two tiles of rows by one or two of columns, which may be read and written in whole tiles.
template <int R, int V>
TENOR_INLINE void add_tiles(const Stretch& of, int64_t row, int64_t tile, const Factor<float>& begin, float* c,
                            int64_t c_row) {
  constexpr int64_t kFloat = sizeof(float);
  const int64_t step = c_row * kFloat, a_step = of.padded * 2, begin_step = begin.row * kFloat;
  const uint16_t *a = of.rows + row * of.padded, *b = of.weights + tile * of.tile_step;
  const float* const begin_below = begin.data + kTileRows * begin.row;
  float* const below = c + kTileRows * c_row;
  _tile_loadd(0, begin.data, begin_step);
  if constexpr (V > 1) _tile_loadd(1, begin.data + kBf16Columns * begin.column, begin_step);
  if constexpr (R > 1) _tile_loadd(2, begin_below, begin_step);
  if constexpr (R > 1 && V > 1) _tile_loadd(3, begin_below + kBf16Columns * begin.column, begin_step);
  for (int64_t k = 0; k < of.padded; k += kBf16Inner, a += kBf16Inner, b += kTileStep) {
    _tile_loadd(6, b, kTileBytes);
    if constexpr (V > 1) _tile_loadd(7, b + of.tile_step, kTileBytes);
    _tile_loadd(4, a, a_step);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (V > 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (R > 1) {
      _tile_loadd(5, a + kTileRows * of.padded, a_step);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (V > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, step);
  if constexpr (V > 1) _tile_stored(1, c + kBf16Columns, step);
  if constexpr (R > 1) _tile_stored(2, below, step);
  if constexpr (R > 1 && V > 1) _tile_stored(3, below + kBf16Columns, step);
}

// The same of what is no whole tile, by way of one that is.
template <int R, int V>
void add_some(const Stretch& of, int64_t row, int64_t rows, int64_t tile, int64_t columns, const Factor<float>& begin,
              float* c, int64_t c_row) {
  alignas(64) float whole[R * kTileRows * V * kBf16Columns] = {};
  constexpr int64_t kWidth = V * kBf16Columns;
  const auto each = [&](const auto& move) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t at = 0; at < columns; at += kLanes) move(whole + r * kWidth + at, r, at);
  };
  each([&](float* in, int64_t r, int64_t at) {
    store(in, load_some(begin.data + r * begin.row + at * begin.column, columns - at));
  });
  TENOR_MEMORY_READ();
  add_tiles<R, V>(of, row, tile, {whole, kWidth, 1}, whole, kWidth);
  TENOR_MEMORY_READ();
  each([&](const float* in, int64_t r, int64_t at) { store_some(c + r * c_row + at, load(in), columns - at); });
}

template <int R, int V>
TENOR_INLINE void add_block(const Stretch& of, int64_t row, int64_t rows, int64_t tile, int64_t columns,
                            const Factor<float>& begin, float* c, int64_t c_row) {
  if (rows >= R * kTileRows && columns >= V * kBf16Columns)
    add_tiles<R, V>(of, row, tile, begin, c, c_row);
  else
    add_some<R, V>(of, row, rows < R * kTileRows ? rows : R * kTileRows, tile,
                   columns < V * kBf16Columns ? columns : V * kBf16Columns, begin, c, c_row);
}

// Adds a product of a stretch to where sums begin.
TENOR_INLINE void add_product(const Stretch& of, int64_t rows, int64_t columns, const Factor<float>& begin, float* c,
                              int64_t c_row) {
  Tiles tiled;
  tiled.shape(kTileRows, kTileBytes);
  for (int64_t tile = 0; tile * kBf16Columns < columns; tile += 2) {
    const int64_t columns_left = columns - tile * kBf16Columns;
    const bool wide = columns_left > kBf16Columns;
    for (int64_t row = 0; row < rows; row += 2 * kTileRows) {
      const int64_t left = rows - row;
      const int64_t column = tile * kBf16Columns;
      const Factor<float> here{begin.data + row * begin.row + column * begin.column, begin.row, begin.column};
      float* const to = c + row * c_row + column;
      if (left > kTileRows && wide) add_block<2, 2>(of, row, left, tile, columns_left, here, to, c_row);
      else if (left > kTileRows) add_block<2, 1>(of, row, left, tile, columns_left, here, to, c_row);
      else if (wide) add_block<1, 2>(of, row, left, tile, columns_left, here, to, c_row);
      else add_block<1, 1>(of, row, left, tile, columns_left, here, to, c_row);
    }
  }
}

#else

// A pair of a row by pairs of weights: what they add to the sums of even places and of odd ones. Its number is known
// to the compiler, which so knows the register of the sum.
#if defined(__AVX512BF16__)
constexpr int kBf16Vectors = 2;
TENOR_INLINE void add_pairs(int number, Int row, Int weights, Vec& even, Vec& odd) {
  Vec& sum = number % 2 ? odd : even;
  sum = (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)row, (__m512bh)weights);
}
#else
constexpr int kBf16Vectors = 1;
TENOR_INLINE Vec upper_half(Int pair) { return (Vec)(pair & (int32_t)0xffff0000); }
TENOR_INLINE void add_pairs(int, Int row, Int weights, Vec& even, Vec& odd) {
  even = fma((Vec)(row << 16), (Vec)(weights << 16), even);
  odd = fma(upper_half(row), upper_half(weights), odd);
}
#endif

// Of R rows and V vectors of columns, whose sums stay in registers.
template <int R, int V>
TENOR_INLINE void add_vectors(const Stretch& of, int64_t row, const uint16_t* weights, const Factor<float>& begin,
                              float* c, int64_t c_row, int64_t left) {
  const uint16_t* rows = of.rows + row * of.padded;
  Vec sums[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v)
      sums[r][v] = load_some(begin.data + (row + r) * begin.row + v * kLanes * begin.column, left - v * kLanes);
  for (int64_t k = 0; k < of.padded; k += kBf16Inner, rows += kBf16Inner, weights += kBf16Inner * kBf16Columns) {
    Vec even[R][V] = {}, odd[R][V] = {};
#pragma GCC unroll 16
    for (int number = 0; number < kBf16Inner / 2; ++number) {
      Int several[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v)
        __builtin_memcpy(&several[v], weights + v * of.tile_step + 2 * number * kBf16Columns, sizeof several[v]);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        int32_t pair;
        __builtin_memcpy(&pair, rows + r * of.padded + 2 * number, sizeof pair);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) add_pairs(number, Int{} + pair, several[v], even[r][v], odd[r][v]);
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sums[r][v] = sums[r][v] + (even[r][v] + odd[r][v]);
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store_some(c + (row + r) * c_row + v * kLanes, sums[r][v], left - v * kLanes);
}

template <int R, int V>
TENOR_INLINE void add_rows(const Stretch& of, int64_t row, int64_t rows, const uint16_t* weights,
                           const Factor<float>& begin, float* c, int64_t c_row, int64_t left) {
  for (; row + R <= rows; row += R) add_vectors<R, V>(of, row, weights, begin, c, c_row, left);
  if constexpr (R > 1) add_rows<R / 2, V>(of, row, rows, weights, begin, c, c_row, left);
}

// Adds a product of a stretch to where sums begin.
TENOR_INLINE void add_product(const Stretch& of, int64_t rows, int64_t columns, const Factor<float>& begin, float* c,
                              int64_t c_row) {
  constexpr int64_t kWidth = kBf16Vectors * kLanes;
  static_assert(kWidth <= kBf16Columns || kLanes == kBf16Columns);
  for (int64_t column = 0; column < columns; column += kWidth) {
    const int64_t left = columns - column;
    const uint16_t* weights = of.weights + column / kBf16Columns * of.tile_step + column % kBf16Columns * 2;
    const Factor<float> here{begin.data + column * begin.column, begin.row, begin.column};
    if (left > kLanes) add_rows<4, kBf16Vectors>(of, 0, rows, weights, here, c + column, c_row, left);
    else add_rows<4, 1>(of, 0, rows, weights, here, c + column, c_row, left);
  }
}

#endif

alignas(64) constexpr float kNothing[kBf16Columns] = {};
constexpr Factor<float> kZeros{kNothing, 0, 0};  // of any size, where sums begin at 0

// Fills rows from `first` up to `last`.
inline void multiply_bf16(const Product<float>& of, int64_t first, int64_t last) {
  alignas(64) uint16_t rounded_rows[kBf16Room];
  const int64_t padded = padded_inner(of.inner), most = rows_at_once(padded);
  for (int64_t begin = first; begin < last; begin += most) {
    const int64_t rows = last - begin < most ? last - begin : most;
    float* const c = of.c + begin * of.c_row;
    Factor<float> sums = of.add ? Factor<float>{c, of.c_row, 1} : of.bias ? Factor<float>{of.bias, 0, 1} : kZeros;
    for (int64_t k = 0; k == 0 || k < of.inner; k += kBf16Block) {
      const int64_t width = padded - k < kBf16Block ? padded - k : kBf16Block;
      const int64_t inner = of.inner - k < width ? of.inner - k : width;
      const Factor<float> from{of.a + begin * of.a_row + k * of.a_inner, of.a_row, of.a_inner};
      round_rows(from, rows, inner, width, rounded_rows);
      add_product({rounded_rows, width, of.b_bf16 + k * kBf16Columns, padded * kBf16Columns}, rows, of.columns, sums, c,
                  of.c_row);
      sums = {c, of.c_row, 1};
    }
  }
}

}  // namespace tenor::TENOR_ISA
