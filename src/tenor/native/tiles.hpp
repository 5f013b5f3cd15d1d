// Products of bytes by AMX: a register holds a tile of 16 rows of 64 bytes, and one instruction
// multiplies two of them.
#pragma once

#include "simd.hpp"

namespace tenor::TENOR_ISA {

#if defined(__AMX_INT8__)
constexpr int kTileRows = 16, kTileBytes = 64;
constexpr int kFewestTileRows = 3;  // fewer are done sooner without tiles

// Compilers do not know what these instructions read.
#define TENOR_MEMORY_READ() asm volatile("" ::: "memory")

// A thread's tiles: 0 to 3 are sums of a gate each, 4 and 5 some states and weights, 6 and 7 the last of them.
class Tiles {
 public:
  // For so many rows, or whole tiles of them, of so many states.
  void shape(int rows, int64_t states) {
    if (rows > kTileRows) rows = kTileRows;
    if (rows == rows_ && states == states_) return;
    rows_ = rows, states_ = states;
    const int last = static_cast<int>((states - 1) % kTileBytes) + 1;
    alignas(64) struct {
      uint8_t palette, start_row, reserved[14];
      uint16_t bytes[16];
      uint8_t rows[16];
    } shapes = {};
    shapes.palette = 1;
    for (int tile = 0; tile < 8; ++tile) {
      const bool weights = tile == 5 || tile == 7;
      const int states_each = tile < 6 ? kTileBytes : last;
      shapes.bytes[tile] = static_cast<uint16_t>(weights ? kTileBytes : states_each);
      shapes.rows[tile] = static_cast<uint8_t>(weights ? states_each / kTogether : rows);
    }
    TENOR_MEMORY_READ();
    _tile_loadconfig(&shapes);
  }

  // Tiles that are in use make a thread's state larger, and its core slower to sleep.
  ~Tiles() {
    if (rows_) _tile_release();
  }

 private:
  int rows_ = 0;
  int64_t states_ = 0;
};

#define TENOR_TILE_PRODUCTS(some, factor, from, weights, states, gates)        \
  do {                                                                         \
    const int64_t step = gates * kTileBytes;                                   \
    _tile_loadd(some, from, states);                                           \
    _tile_loadd(factor, weights, step);                                        \
    _tile_dpbusd(0, some, factor);                                             \
    if constexpr (gates > 1) {                                                 \
      _tile_loadd(factor, weights + kTileBytes, step);                         \
      _tile_dpbusd(1, some, factor);                                           \
    }                                                                          \
    if constexpr (gates > 2) {                                                 \
      _tile_loadd(factor, weights + 2 * kTileBytes, step);                     \
      _tile_dpbusd(2, some, factor);                                           \
    }                                                                          \
    if constexpr (gates > 3) {                                                 \
      _tile_loadd(factor, weights + 3 * kTileBytes, step);                     \
      _tile_dpbusd(3, some, factor);                                           \
    }                                                                          \
  } while (0)

// Sums of a group of units of some rows: begun, added to by some states at a time, and stored.
template <int kGates>
class TileSums {
 public:
  // Sums begin at `begin` [gate][lane]; weights: [4 states][gate][lane][state].
  TENOR_INLINE TileSums(const uint8_t* rows, const uint8_t* weights, int64_t states, const int32_t* begin,
                        int32_t* to)
      : rows_(rows), weights_(weights), states_(states), left_(states), to_(to) {
    TENOR_MEMORY_READ();
    _tile_loadd(0, begin, 0);
    if constexpr (kGates > 1) _tile_loadd(1, begin + kLanes, 0);
    if constexpr (kGates > 2) _tile_loadd(2, begin + 2 * kLanes, 0);
    if constexpr (kGates > 3) _tile_loadd(3, begin + 3 * kLanes, 0);
  }

  TENOR_INLINE bool stored() const { return left_ <= 0; }

  // The next states of all rows; after the last, the sums go to [row][gate][lane].
  TENOR_INLINE void add() {
    if (left_ > kTileBytes) {
      TENOR_TILE_PRODUCTS(4, 5, rows_, weights_, states_, kGates);
    } else {
      TENOR_TILE_PRODUCTS(6, 7, rows_, weights_, states_, kGates);
      constexpr int64_t step = kGates * kLanes * sizeof(int32_t);
      _tile_stored(0, to_, step);
      if constexpr (kGates > 1) _tile_stored(1, to_ + kLanes, step);
      if constexpr (kGates > 2) _tile_stored(2, to_ + 2 * kLanes, step);
      if constexpr (kGates > 3) _tile_stored(3, to_ + 3 * kLanes, step);
    }
    rows_ += kTileBytes;
    weights_ += kTileBytes * kGates * kLanes;
    left_ -= kTileBytes;
  }

 private:
  const uint8_t *rows_, *weights_;
  int64_t states_, left_;
  int32_t* to_;
};

constexpr int64_t kChurnedTiles = 6 * kTileRows * kTileBytes * kLanes;

// Loops of products that do not wait for each other.
inline void churn_tiles(int64_t loops, float*) {
  Tiles tiled;
  tiled.shape(kTileRows, kTileBytes);
  alignas(64) uint8_t bytes[kTileRows * kTileBytes] = {};
  TENOR_MEMORY_READ();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_loadd(6, bytes, kTileBytes);
  _tile_loadd(7, bytes, kTileBytes);
  for (int64_t i = 0; i < loops; ++i) {
    _tile_dpbusd(0, 6, 7);
    _tile_dpbusd(1, 6, 7);
    _tile_dpbusd(2, 6, 7);
    _tile_dpbusd(3, 6, 7);
    _tile_dpbusd(4, 6, 7);
    _tile_dpbusd(5, 6, 7);
  }
}
#else
struct Tiles {};
#endif

}  // namespace tenor::TENOR_ISA
