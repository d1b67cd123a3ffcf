// The part of an OpenMP runtime that oneDNN and CTranslate2 need, with threads that yield.
//
// Decoding is thousands of loops a second, each shorter than waking a sleeping thread takes, so threads have to spin. GNU's runtime spins
// without yielding: two transcriptions at a time on two cores take ten times as long as one, since each waits for a thread that the
// other keeps from running. Here a waiting thread spins for some microseconds, then yields between polls, and sleeps after some
// milliseconds.
//
// These are the functions that GCC calls for `#pragma omp parallel` and `barrier`, by its names (libgomp's ABI, `GOMP_*`), and those of
// OpenMP's interface that are used. Teams are not nested: a loop inside a loop runs on its thread. Every thread that starts loops has a
// team of its own.

#include "openmp_runtime.h"

#include <atomic>
#include <climits>
#include <cstdint>
#include <ctime>
#include <linux/futex.h>
#include <memory>
#include <sched.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace {

// Polls before the thread yields: some 50 microseconds.
constexpr int SPINS = 1500;
// How long a thread yields before it sleeps.
constexpr int64_t AWAKE_NS = 4'000'000;

using Word = std::atomic<uint32_t>;
using Loop = void (*)(void *);

int64_t now_ns() {
    timespec now {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * int64_t(1'000'000'000) + now.tv_nsec;
}

void futex(Word &word, int operation, uint32_t value) {
    syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

void pause_cpu() {
#ifdef __x86_64__
    _mm_pause();
#endif
}

// Spins until `word` is no longer `value`; false when it still is after `AWAKE_NS`.
bool changes_soon(const Word &word, uint32_t value) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (word.load(std::memory_order_acquire) != value)
            return true;
        pause_cpu();
    }
    const int64_t end = now_ns() + AWAKE_NS;
    while (now_ns() < end) {
        if (word.load(std::memory_order_acquire) != value)
            return true;
        sched_yield();
    }
    return false;
}

// The threads that help one thread.
class Team {
  public:
    ~Team() {
        loop = nullptr;
        start();
        for (auto &helper : helpers)
            helper.join();
    }

    void run(Loop given, void *given_data, uint32_t threads);
    void barrier();

    // How many run the loop.
    uint32_t size = 1;

  private:
    void start() {
        running.store(static_cast<uint32_t>(helpers.size()), std::memory_order_relaxed);
        round.fetch_add(1);
        if (sleepers.load() > 0)
            futex(round, FUTEX_WAKE, INT_MAX);
    }

    void help(uint32_t number, uint32_t seen);

    std::vector<std::thread> helpers;
    Loop loop = nullptr;
    void *data = nullptr;
    // Counts the loops; a helper does what is new in it. Every helper answers every loop, also those it takes no part in.
    Word round {0};
    // Helpers that have not answered.
    Word running {0};
    Word sleepers {0};
    Word arrived {0};
    Word barriers {0};
};

struct Thread {
    // 0 until it is set: one for each core.
    uint32_t most = 0;
    // In a loop.
    Team *team = nullptr;
    uint32_t number = 0;
    // Its own.
    std::unique_ptr<Team> helpers;
};

thread_local Thread self;

uint32_t most_threads() {
    if (self.most == 0) {
        cpu_set_t cores;
        self.most = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    }
    return self.most;
}

void Team::run(Loop given, void *given_data, uint32_t threads) {
    while (helpers.size() + 1 < threads) {
        const auto number = static_cast<uint32_t>(helpers.size() + 1);
        helpers.emplace_back(&Team::help, this, number, round.load());
    }
    loop = given;
    data = given_data;
    size = threads;
    start();
    self.team = this;
    given(given_data);
    self.team = nullptr;
    uint32_t left = 0;
    while ((left = running.load(std::memory_order_acquire)) != 0)
        changes_soon(running, left);
}

void Team::help(uint32_t number, uint32_t seen) {
    self.number = number;
    while (true) {
        while (!changes_soon(round, seen)) {
            sleepers.fetch_add(1);
            futex(round, FUTEX_WAIT, seen);
            sleepers.fetch_sub(1);
        }
        // One further, however late: the next loop starts only when all have answered this one.
        seen++;
        if (!loop)
            return;
        if (number < size) {
            self.team = this;
            loop(data);
            self.team = nullptr;
        }
        running.fetch_sub(1, std::memory_order_release);
    }
}

void Team::barrier() {
    const uint32_t passed = barriers.load();
    if (arrived.fetch_add(1) + 1 == size) {
        arrived.store(0);
        barriers.fetch_add(1);
        return;
    }
    while (!changes_soon(barriers, passed)) {
    }
}

} // namespace

extern "C" {

void GOMP_parallel(Loop loop, void *data, unsigned threads, unsigned) {
    const uint32_t wanted = threads == 0 ? most_threads() : threads;
    if (self.team || wanted <= 1) {
        // A team of one, also inside another.
        Team one;
        Team *const outer = self.team;
        const uint32_t number = self.number;
        self.team = &one;
        self.number = 0;
        loop(data);
        self.team = outer;
        self.number = number;
        return;
    }
    if (!self.helpers)
        self.helpers = std::make_unique<Team>();
    self.helpers->run(loop, data, wanted);
}

void GOMP_barrier() {
    if (self.team && self.team->size > 1)
        self.team->barrier();
}

int omp_get_thread_num() {
    return self.team ? static_cast<int>(self.number) : 0;
}

int omp_get_num_threads() {
    return self.team ? static_cast<int>(self.team->size) : 1;
}

int omp_get_max_threads() {
    return static_cast<int>(most_threads());
}

int omp_in_parallel() {
    return self.team && self.team->size > 1;
}

void omp_set_num_threads(int threads) {
    self.most = threads > 0 ? static_cast<uint32_t>(threads) : 1;
}
}

namespace cesar {

void use_own_runtime() {}

} // namespace cesar
