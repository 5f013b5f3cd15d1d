#include "threads.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

namespace tenor {
namespace {

// Waking a thread that sleeps takes as long as two million multiply-adds, and tasks follow each other closely while a
// network learns. No thread waits awake for longer than this.
constexpr std::chrono::microseconds kAwake{50};

#if defined(__linux__)
// Of how many processors a control group may have the time; more threads would only be held up.
int most_by_quota(const std::string& folder) {
  std::ifstream both(folder + "/cpu.max"), one(folder + "/cpu.cfs_quota_us"), other(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(both >> quota >> period) && one >> quota) other >> period;
  if (!(quota > 0 && period > 0)) return kMaxThreads;  // as of "max", and of -1
  return static_cast<int>(std::min<double>(std::ceil(quota / period), kMaxThreads));
}

// The least of this process's group and those it is in; in a container the group seems to be the root.
int most_by_quota() {
  const std::string root = "/sys/fs/cgroup";
  int most = std::min(most_by_quota(root), most_by_quota(root + "/cpu"));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string number, kinds, path; std::getline(groups, number, ':') && std::getline(groups, kinds, ':') &&
                                        std::getline(groups, path);) {
    const bool of_time = ("," + kinds + ",").find(",cpu,") != std::string::npos;
    if (!kinds.empty() && !of_time) continue;
    for (; path.size() > 1; path.resize(path.rfind('/')))
      most = std::min(most, most_by_quota(root + (of_time ? "/cpu" : "") + path));
  }
  return most;
}
#endif

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Done>
void wait_awake(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + kAwake;
  do {
    for (int i = 0; i < 16; ++i, pause())
      if (done()) return;
  } while (std::chrono::steady_clock::now() < end);
}

class Pool {
 public:
  const pid_t process = getpid();
  std::atomic_flag busy = ATOMIC_FLAG_INIT;  // held by the caller whose tasks run

  void run(int64_t tasks, int threads, Task task, void* context) {
    start(threads - 1);
    {
      std::lock_guard lock(mutex_);
      task_ = task;
      context_ = context;
      tasks_ = tasks;
      next_ = 0;
      helpers_ = threads - 1;
      ++round_;
      open_ = true;
    }
    wake_.notify_all();
    work();
    {
      std::lock_guard lock(mutex_);
      open_ = false;  // a helper that wakes only now is not waited for
    }
    wait_awake([this] { return working_ == 0; });
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return working_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  Task task_ = nullptr;
  void* context_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  int helpers_ = 0, started_ = 0;
  std::atomic<int> working_{0};
  std::atomic<uint64_t> round_{0};
  bool open_ = false;

  void work() {
    for (int64_t i = next_++; i < tasks_; i = next_++) task_(context_, i);
  }

  void help(int id, uint64_t seen) {
    for (;;) {
      wait_awake([&] { return round_ != seen; });
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return open_ && round_ != seen && id < helpers_; });
      seen = round_;
      ++working_;
      lock.unlock();
      work();
      lock.lock();
      if (--working_ == 0) idle_.notify_one();
    }
  }

  void start(int count) {
    if (started_ >= count) return;
    sigset_t all, before;  // signals are for the program's own threads, but what a thread does wrong itself
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      for (; started_ < count; ++started_) {
        std::thread([this, id = started_, seen = round_.load()] { help(id, seen); }).detach();
      }
    } catch (const std::exception&) {
      // The system gives no more threads, or memory for them: those that there are do the work.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

std::atomic<Pool*> current{nullptr};

// The pool of this process. A child made by fork has none of its parent's threads, and the locks as
// they were: it leaves the parent's pool behind and makes its own. Pools are never destroyed, so no
// thread of one can outlive it.
Pool& pool() {
  Pool* found = current.load();
  while (!found || found->process != getpid()) {
    Pool* fresh = new Pool;
    if (current.compare_exchange_strong(found, fresh)) return *fresh;
    delete fresh;
  }
  return *found;
}

}  // namespace

void run(int64_t tasks, int threads, Task task, void* context) {
  threads = static_cast<int>(std::min<int64_t>(threads, tasks));
  if (threads > 1) {
    Pool& workers = pool();
    if (!workers.busy.test_and_set(std::memory_order_acquire)) {
      workers.run(tasks, threads, task, context);
      workers.busy.clear(std::memory_order_release);
      return;
    }
  }
  for (int64_t i = 0; i < tasks; ++i) task(context, i);
}

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::clamp(CPU_COUNT(&set), 1, most_by_quota());
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
}

}  // namespace tenor
