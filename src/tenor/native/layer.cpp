#include "layer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "settings.hpp"
#include "threads.hpp"

namespace tenor {
namespace {

constexpr Named kNamed[] = {
    {"lstm", "tanh", kLSTM, kTanh},         {"gru", "tanh", kGRU, kTanh},
    {"rnn", "tanh", kRNNTanh, kTanh},       {"rnn", "relu", kRNNReLU, kTanh},
    {"linear", "tanh", kLinear, kTanh},     {"linear", "relu", kLinear, kReLU},
    {"linear", "identity", kLinear, kIdentity},
};

constexpr int64_t kMostWhole = 4096;        // states, whose sums of products are far from an int32's end
constexpr int64_t kWorthThreads = 1 << 20;  // multiply-adds below which waking a thread that sleeps costs more

// Where one vector's weights stand in the arrays that were given.
struct Source {
  const float* weight;      // (H, E)
  const float* bias[2];     // (H,) to be added, or null
};

int state_gates(Cell cell) { return cell == kLSTM ? 4 : cell == kGRU ? 3 : cell == kLinear ? 0 : 1; }

int linear_gates(const Gating& gating) { return 2 + gating.input + gating.output; }

const float* part(const float* array, int64_t block, int64_t size) {
  return array ? array + block * size : nullptr;
}

// The vectors of a group in the order in which kernels expect them.
std::vector<Source> sources(const tenor_layer_settings& from, Cell cell, const Gating& gating) {
  const int64_t block = from.hidden * from.inputs;
  std::vector<Source> found;
  const auto current = [&](int gate, bool both_biases) {
    found.push_back({part(from.weight_ih, gate, block),
                     {part(from.bias_ih, gate, from.hidden),
                      both_biases ? part(from.bias_hh, gate, from.hidden) : nullptr}});
  };
  const int count = cell == kLinear ? linear_gates(gating) : state_gates(cell);
  for (int gate = 0; gate < count; ++gate) current(gate, cell != kGRU || gate < 2);
  if (cell != kLinear) return found;
  if (gating.previous)
    for (int gate = 0; gate < count; ++gate)
      found.push_back({part(from.weight_previous, gate, block), {nullptr, nullptr}});
  if (gating.skip) current(count, false);
  return found;
}

// Fills in how the vectors of `hidden` units are laid out.
void shape(const std::vector<Source>& vectors, int lanes, Layer& layer) {
  layer.groups = (layer.hidden + lanes - 1) / lanes;
  const int64_t filled = layer.groups * static_cast<int64_t>(vectors.size());
  layer.tiles = (filled + kTile - 1) / kTile;
  layer.share = layer.tiles * kTile * lanes;
}

// [tile][input][kTile][lane], zeros beyond H and in what fills the last tile.
Floats packed_inputs(const std::vector<Source>& vectors, const Layer& layer, int lanes) {
  Floats result = floats(layer.tiles * layer.inputs * kTile * lanes);
  const int64_t count = static_cast<int64_t>(vectors.size());
  float* to = result.get();
  for (int64_t tile = 0; tile < layer.tiles; ++tile)
    for (int64_t k = 0; k < layer.inputs; ++k)
      for (int64_t v = tile * kTile; v < (tile + 1) * kTile; ++v)
        for (int64_t unit = v / count * lanes; unit < (v / count + 1) * lanes; ++unit)
          *to++ = unit < layer.hidden ? vectors[v % count].weight[unit * layer.inputs + k] : 0.0f;
  return result;
}

Floats packed_bias(const std::vector<Source>& vectors, const Layer& layer, int lanes) {
  Floats result = floats(layer.share);
  const int64_t count = static_cast<int64_t>(vectors.size());
  for (int64_t i = 0; i < layer.share; ++i) {
    const int64_t v = i / lanes, unit = v / count * lanes + i % lanes;
    const auto bias = [&](int side) {
      const float* from = vectors[v % count].bias[side];
      return from && unit < layer.hidden ? from[unit] : 0.0f;
    };
    result[i] = bias(0) + bias(1);
  }
  return result;
}

// Rows (G*H, H) → [group][state][gate][lane], zeros beyond H.
Floats packed_state(const float* rows, int count, const Layer& layer, int lanes) {
  Floats result = floats(layer.groups * layer.hidden * count * lanes);
  float* to = result.get();
  for (int64_t group = 0; group < layer.groups; ++group)
    for (int64_t k = 0; k < layer.hidden; ++k)
      for (int64_t gate = 0; gate < count; ++gate)
        for (int64_t unit = group * lanes; unit < (group + 1) * lanes; ++unit)
          *to++ = unit < layer.hidden ? rows[(gate * layer.hidden + unit) * layer.hidden + k] : 0.0f;
  return result;
}

// Rows of matrices (H, inner), of each unit's vectors in turn, in whole numbers of 1 / 127 of their largest,
// `count` vectors in a tile; where sums of their products with states begin, and what such a sum is worth.
template <class Whole>
WholeMatrix pack_whole(const std::vector<const float*>& matrices, int64_t inner, int64_t tiles, int64_t count,
                       const tenor_layer& made, WholeRoom& room) {
  const FloatEnvironment environment;
  const int lanes = made.kernels->lanes, together = made.kernels->together;
  const int64_t filled = (inner + lanes - 1) / lanes * lanes, rows = tiles * count * lanes;
  const int64_t vectors = static_cast<int64_t>(matrices.size());
  room.weights = floats(filled * rows * sizeof(Whole) / sizeof(float));
  Whole* const packed = reinterpret_cast<Whole*>(room.weights.get());
  std::fill_n(packed, filled * rows, Whole{0});
  room.begin.assign(static_cast<size_t>(rows), 0);
  room.scale = floats(rows);
  std::fill_n(room.scale.get(), rows, 0.0f);
  for (int64_t at = 0; at < rows; ++at) {
    const int64_t v = at / lanes, lane = at % lanes, unit = v / vectors * lanes + lane;
    if (unit >= made.layer.hidden) continue;
    const float* row = matrices[v % vectors] + unit * inner;
    const float largest = std::accumulate(row, row + inner, 0.0f, [](float most, float weight) {
      return std::max(most, std::fabs(weight));
    });
    const float each = largest > 0 ? largest / 127 : 1;
    room.scale[at] = each / kStateSteps;
    for (int64_t k = 0; k < inner; ++k) {
      const float steps = std::max(-127.0f, std::min(127.0f, std::nearbyint(row[k] / each)));
      const int64_t some = v / count * filled / together + k / together;
      packed[((some * count + v % count) * lanes + lane) * together + k % together] = static_cast<Whole>(steps);
      room.begin[at] -= made.kernels->whole_zero * static_cast<int32_t>(steps);
    }
  }
  return {packed, room.begin.data(), room.scale.get(), filled};
}

// Texts dealt out to blocks of rows; a block is one task.
class Pass {
 public:
  std::atomic<bool> out_of_memory{false};

  Pass(const tenor_layer& made, const tenor_pass& io, const Shares& shares, int threads)
      : made_(made), io_(io), shares_(shares), texts_(io.texts), lengths_(io.texts), first_(io.texts) {
    const int64_t* offsets = io.offsets;
    const auto length = [&](int64_t text) { return offsets[text + 1] - offsets[text]; };
    const std::vector<int64_t> longest = longest_first(offsets, io.texts);
    const int64_t share = (io.texts + threads - 1) / threads;
    const int64_t rows = std::min<int64_t>(share, kBlockRows);
    const int64_t blocks = (io.texts + rows - 1) / rows;
    // No more blocks than threads: each gets some of the long texts. More: texts of like length
    // together, the longest first, and a thread that is done takes the next.
    const int64_t stride = blocks <= threads ? blocks : 1;
    for (int64_t begin = 0, row = 0; begin < stride; ++begin) {
      for (int64_t i = begin; i < io.texts; i += stride, ++row) {
        if (i == begin || row - begins_.back() == rows) begins_.push_back(row);
        const int64_t text = texts_[row] = longest[i];
        lengths_[row] = length(text);
        first_[row] = io.reverse ? offsets[text + 1] - 1 : offsets[text];
      }
    }
    begins_.push_back(io.texts);
  }

  int64_t blocks() const { return static_cast<int64_t>(begins_.size()) - 1; }

  void compute(int64_t block) {
    const FloatEnvironment environment;
    try {
      read(begins_[block], static_cast<int>(begins_[block + 1] - begins_[block]));
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  }

 private:
  const tenor_layer& made_;
  const tenor_pass& io_;
  const Shares& shares_;
  std::vector<int64_t> texts_, lengths_, first_;  // (B,) by row
  std::vector<int64_t> begins_;                   // first row of each block, and B

  void read(int64_t begin, int rows) {
    const Layer& layer = made_.layer;
    const int64_t units = layer.groups * made_.kernels->lanes, size = rows * units;
    const bool carries = layer.cell == kLinear && layer.gating.previous;
    const int64_t shares = kBlockRows * (layer.share + 4 * units);
    const int64_t rounded = kBlockRows * layer.ih_whole.inner;  // of at most 2 bytes
    const int64_t carried = carries ? rows * layer.share : 0;
    const Floats memory = floats(5 * size + shares + carried + rounded / 2);
    float* h = memory.get();
    std::fill(h, h + 5 * size, 0.0f);
    float *c = h + size, *start = c + size, *sum = start + size, *max = sum + size;
    float* scratch = max + size;
    float* carry = carries ? scratch + shares : nullptr;
    float* whole = scratch + shares + carried;
    const int64_t* texts = texts_.data() + begin;
    const auto take = [&](const float* given, float* to) {
      for (int row = 0; given && row < rows; ++row)
        std::copy_n(given + texts[row] * layer.hidden, layer.hidden, to + row * units);
    };
    take(io_.initial_h, h);
    take(io_.initial_c, c);
    if (carries) {
      std::fill(carry, carry + carried, 0.0f);
      if (io_.initial_carry) each_carried(rows, texts, [&](int64_t packed, int64_t at) {
        carry[packed] = io_.initial_carry[at];
      });
    }
    made_.kernels->read[layer.cell](
        layer, Block{rows, lengths_.data() + begin, first_.data() + begin, io_.reverse ? -1 : 1,
                     io_.x, io_.x_stride, shares_, io_.states, io_.states_stride, h, c, carry,
                     io_.start_h ? start : nullptr, io_.sum_h ? sum : nullptr,
                     io_.max_h ? max : nullptr, scratch, whole});
    const auto give = [&](const float* from, float* wanted) {
      for (int row = 0; wanted && row < rows; ++row)
        std::copy_n(from + row * units, layer.hidden, wanted + texts[row] * layer.hidden);
    };
    give(h, io_.final_h);
    give(c, io_.final_c);
    give(start, io_.start_h);
    give(sum, io_.sum_h);
    give(max, io_.max_h);
    if (carries && io_.final_carry) each_carried(rows, texts, [&](int64_t packed, int64_t at) {
      io_.final_carry[at] = carry[packed];
    });
  }

  // Calls do_with(place in the packed shares of the block, place in (B, G*H)).
  template <class Do>
  void each_carried(int rows, const int64_t* texts, const Do& do_with) const {
    const Layer& layer = made_.layer;
    const int lanes = made_.kernels->lanes;
    const int64_t count = linear_gates(layer.gating), vectors = 2 * count + layer.gating.skip;
    for (int row = 0; row < rows; ++row)
      for (int64_t gate = 0; gate < count; ++gate)
        for (int64_t unit = 0; unit < layer.hidden; ++unit)
          do_with(row * layer.share + (unit / lanes * vectors + count + gate) * lanes + unit % lanes,
                  (texts[row] * count + gate) * layer.hidden + unit);
  }
};

tenor_result checked(const tenor_layer& made, const tenor_pass& io) {
  if (io.texts < 0 || io.words < 0 || !io.offsets) return TENOR_BAD_SIZE;
  if (!rise(io.offsets, io.texts) || io.offsets[io.texts] != io.words) return TENOR_BAD_OFFSETS;
  if (io.token_ids ? !made.folded : io.words > 0 && (!io.x || io.x_stride < made.layer.inputs))
    return TENOR_BAD_SIZE;
  if (io.states && io.states_stride < made.layer.hidden) return TENOR_BAD_SIZE;
  return TENOR_OK;
}

}  // namespace

const Named* find_named(const char* cell, const char* activation) {
  const auto is_it = [&](const Named& named) {
    return !std::strcmp(cell, named.cell) && !std::strcmp(activation, named.activation);
  };
  const Named* found = std::find_if(std::begin(kNamed), std::end(kNamed), is_it);
  return found == std::end(kNamed) ? nullptr : found;
}

tenor_result pack(const Kernels& kernels, const tenor_layer_settings& from, tenor_layer& made) {
  const Named* named = find_named(from.cell, from.activation);
  if (!named) return TENOR_BAD_NAME;
  const bool linear = named->kind == kLinear;
  const Gating gating{from.previous != 0, from.input_gate != 0, from.output_gate != 0,
                      from.skip != 0, named->candidate};
  if (linear ? gating.previous && !from.weight_previous : !from.weight_hh) return TENOR_BAD_SIZE;

  const bool whole = from.precision == TENOR_INT8 && !linear && named->kind != kRNNReLU;
  const bool whole_inputs = from.precision == TENOR_INT8 && from.bounded_inputs;
  if (from.precision > TENOR_INT8 || (whole && from.hidden > kMostWhole)) return TENOR_BAD_SIZE;
  if (whole_inputs && from.inputs > 2 * kMostWhole) return TENOR_BAD_SIZE;

  const std::vector<Source> vectors = sources(from, named->kind, gating);
  const int lanes = kernels.lanes;
  Layer& layer = made.layer;
  layer = Layer{};
  layer.cell = named->kind;
  layer.gating = gating;
  layer.inputs = from.inputs;
  layer.hidden = from.hidden;
  shape(vectors, lanes, layer);
  const bool activated = linear && !gating.previous;
  layer.half = activated && from.precision != TENOR_FLOAT32;
  const int64_t gates = layer.groups * (2 + gating.output + gating.skip) * lanes;
  layer.kept = !activated ? layer.share : layer.half ? gates / 2 : gates;
  made.kernels = &kernels;
  const auto pack_rows = kernels.together == 4 ? pack_whole<int8_t> : pack_whole<int16_t>;
  if (whole_inputs) {
    std::vector<const float*> matrices(vectors.size());
    std::transform(vectors.begin(), vectors.end(), matrices.begin(), [](const Source& of) { return of.weight; });
    layer.ih_whole = pack_rows(matrices, from.inputs, layer.tiles, kTile, made, made.ih_whole);
  } else {
    made.ih = packed_inputs(vectors, layer, lanes);
  }
  made.bias = packed_bias(vectors, layer, lanes);
  made.state_bias = floats(layer.groups * lanes);
  const float* state_bias = named->kind == kGRU ? part(from.bias_hh, 2, from.hidden) : nullptr;
  for (int64_t unit = 0; unit < layer.groups * lanes; ++unit)
    made.state_bias[unit] = state_bias && unit < from.hidden ? state_bias[unit] : 0.0f;
  if (!linear) {
    const int gates = state_gates(named->kind);
    std::vector<const float*> matrices;
    for (int gate = 0; gate < gates; ++gate)
      matrices.push_back(part(from.weight_hh, gate, from.hidden * from.hidden));
    if (whole)
      layer.hh_whole = pack_rows(matrices, from.hidden, layer.groups, gates, made, made.hh_whole);
    else
      made.hh = packed_state(from.weight_hh, gates, layer, lanes);
  }
  layer.ih = made.ih.get();
  layer.bias = made.bias.get();
  layer.hh = made.hh.get();
  layer.state_bias = made.state_bias.get();
  return TENOR_OK;
}

bool rise(const int64_t* offsets, int64_t texts) {
  return offsets[0] == 0 && std::is_sorted(offsets, offsets + texts + 1);
}

std::vector<int64_t> longest_first(const int64_t* offsets, int64_t texts) {
  const auto length = [&](int64_t text) { return offsets[text + 1] - offsets[text]; };
  std::vector<int64_t> order(texts);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return length(a) > length(b); });
  return order;
}

void pack_dense(const Kernels& kernels, const float* weight, const float* bias, int64_t outputs,
                int64_t inputs, tenor_layer& made) {
  const std::vector<Source> vectors{{weight, {bias, nullptr}}};
  made.layer = Layer{};
  made.layer.cell = kRNNReLU;
  made.layer.inputs = inputs;
  made.layer.hidden = outputs;
  shape(vectors, kernels.lanes, made.layer);
  made.kernels = &kernels;
  made.ih = packed_inputs(vectors, made.layer, kernels.lanes);
  made.bias = packed_bias(vectors, made.layer, kernels.lanes);
  made.layer.ih = made.ih.get();
  made.layer.bias = made.bias.get();
}

tenor_result read_texts(const tenor_layer& made, const tenor_pass& io, int most_threads) {
  tenor_result result = checked(made, io);
  if (result != TENOR_OK || io.texts == 0) return result;
  const Layer& layer = made.layer;
  const int64_t work = layer.tiles * layer.inputs + state_gates(layer.cell) * layer.hidden * layer.hidden;
  const bool worth = io.words >= kWorthThreads / (work + 1) + 1;
  const int threads = worth ? most_threads : 1;
  Looked looked{};
  if (io.token_ids) {
    result = made.folded->look_up(*made.kernels, layer, io.token_ids, io.words, threads, looked);
    if (result != TENOR_OK) return result;
  }
  Pass pass(made, io, looked.shares, threads);
  run(pass.blocks(), threads,
      [](void* context, int64_t block) { static_cast<Pass*>(context)->compute(block); }, &pass);
  return pass.out_of_memory ? TENOR_NO_MEMORY : TENOR_OK;
}

}  // namespace tenor
