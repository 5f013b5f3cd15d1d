// A small pool of threads: started on first use, asleep when there is nothing to do.
#pragma once

#include <cstdint>

namespace tenor {

constexpr int32_t kMaxThreads = 1024;

using Task = void (*)(void* context, int64_t index);

// Calls task(context, i) once for each i in [0, tasks), on up to `threads` threads, the caller's
// included, and returns when all are done. Tasks must not throw. If the pool is busy with another
// caller's tasks, this caller does its own alone.
void run(int64_t tasks, int threads, Task task, void* context);

// Processors that this process may run on, or have the time of: at most kMaxThreads.
int processors();

}  // namespace tenor
