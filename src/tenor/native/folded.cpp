#include "folded.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>

#include "settings.hpp"
#include "threads.hpp"

namespace tenor {
namespace {

struct Work {
  const Kernels& kernels;
  const Layer& layer;
  const float* vectors;
  const std::vector<int32_t>& ids;
  float *scratch, *out;
};

// A block of rows, with a part of the scratch of its own.
void compute_block(void* context, int64_t block) {
  const Work& work = *static_cast<const Work*>(context);
  const FloatEnvironment environment;
  const int64_t begin = block * kBlockRows;
  const int64_t left = static_cast<int64_t>(work.ids.size()) - begin;
  const int rows = static_cast<int>(std::min<int64_t>(left, kBlockRows));
  const float* in[kBlockRows];
  for (int row = 0; row < rows; ++row)
    in[row] = work.vectors + work.ids[begin + row] * work.layer.inputs;
  work.kernels.keep(work.layer, in, rows, work.scratch + begin * work.layer.share,
                    work.out + begin * work.layer.kept);
}

// Room for a table in large pages, if there are such: words lie all over it, and with small ones each
// would first have to be looked up in the tables of pages.
Floats spread_floats(int64_t count) {
  Floats result = floats(count);
#if defined(__linux__)
  constexpr uintptr_t kPage = uintptr_t{1} << 21;
  const auto start = reinterpret_cast<uintptr_t>(result.get());
  const uintptr_t begin = (start + kPage - 1) / kPage * kPage;
  const uintptr_t end = (start + static_cast<uintptr_t>(count) * sizeof(float)) / kPage * kPage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
  return result;
}

}  // namespace

Folded::Folded(const float* vectors, int64_t count, int64_t rows, int64_t floats_each)
    : vectors_(vectors),
      count_(count),
      rows_(std::min(count, rows)),
      missing_(rows_),
      table_(spread_floats(rows_ * floats_each)),
      ready_(new std::atomic<uint8_t>[static_cast<size_t>(rows_)]()) {}

tenor_result Folded::look_up(const Kernels& kernels, const Layer& layer, const int32_t* ids,
                             int64_t words, int threads, Looked& found) {
  const auto known = [&](int32_t id) { return id >= 0 && id < count_; };
  if (!std::all_of(ids, ids + words, known)) return TENOR_BAD_IDS;
  found.shares = {table_.get(), nullptr, rows_, ids};
  if (rows_ == count_ && missing_.load(std::memory_order_acquire) == 0) return TENOR_OK;

  const auto ready = [&](int32_t id) {
    return id < rows_ && ready_[id].load(std::memory_order_acquire) == kReady;
  };
  std::vector<int32_t> absent;
  std::copy_if(ids, ids + words, std::back_inserter(absent), [&](int32_t id) { return !ready(id); });
  if (absent.empty()) return TENOR_OK;
  std::sort(absent.begin(), absent.end());
  absent.erase(std::unique(absent.begin(), absent.end()), absent.end());
  found.more = floats(static_cast<int64_t>(absent.size()) * layer.kept);
  compute(kernels, layer, absent, threads, found.more.get());

  found.row_of.resize(static_cast<size_t>(words));
  std::transform(ids, ids + words, found.row_of.begin(), [&](int32_t id) {
    if (ready(id)) return id;  // perhaps by another pass in between
    const auto at = std::lower_bound(absent.begin(), absent.end(), id);
    return static_cast<int32_t>(rows_ + (at - absent.begin()));
  });
  found.shares.more = found.more.get();
  found.shares.row_of = found.row_of.data();

  for (size_t i = 0; i < absent.size() && absent[i] < rows_; ++i) {
    uint8_t expected = kMissing;
    if (!ready_[absent[i]].compare_exchange_strong(expected, kClaimed)) continue;
    std::copy_n(found.more.get() + i * layer.kept, layer.kept, &table_[absent[i] * layer.kept]);
    ready_[absent[i]].store(kReady, std::memory_order_release);
    missing_.fetch_sub(1, std::memory_order_acq_rel);
  }
  return TENOR_OK;
}

void Folded::compute(const Kernels& kernels, const Layer& layer, const std::vector<int32_t>& ids,
                     int threads, float* out) const {
  const int64_t count = static_cast<int64_t>(ids.size());
  const int64_t blocks = (count + kBlockRows - 1) / kBlockRows;
  const Floats scratch = floats(count * layer.share);
  Work work{kernels, layer, vectors_, ids, scratch.get(), out};
  run(blocks, threads, compute_block, &work);
}

}  // namespace tenor
