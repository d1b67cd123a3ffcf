// Loops of many sizes on the threads of `openmp_runtime.cpp`, started by several threads at a time, as recordings side by side are.
//
// Each loop writes without atomics what its threads compute, and its starter reads it afterwards: a sanitizer sees a race if the end of a
// loop does not order them. Prints the number of loops; fails on a wrong sum, a thread missing from a loop or a barrier that lets one
// pass early.

#include "../native/ctranslate2/openmp_runtime.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <omp.h>
#include <thread>
#include <vector>

namespace {

constexpr int MOST_THREADS = 4;

void require(bool is_so, const char *what) {
    if (!is_so) {
        std::fprintf(stderr, "%s\n", what);
        std::abort();
    }
}

// Pauses of all lengths: none, one in which helpers still spin, one in which they sleep.
void pause(unsigned round) {
    if (round % 97 == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(round % 970 == 0 ? 8 : 1));
}

void loops(unsigned seed, unsigned rounds) {
    std::vector<int> values(1000), parts(MOST_THREADS), seen(MOST_THREADS);
    std::iota(values.begin(), values.end(), int(seed));
    const int all = std::accumulate(values.begin(), values.end(), 0);
    for (unsigned round = 0; round < rounds; round++) {
        const int threads = 1 + int((round * 7 + seed) % MOST_THREADS);
        std::fill(parts.begin(), parts.end(), 0);
        std::fill(seen.begin(), seen.end(), 0);
#pragma omp parallel num_threads(threads)
        {
            const int number = omp_get_thread_num(), count = omp_get_num_threads();
            for (size_t index = size_t(number); index < values.size(); index += size_t(count))
                parts[size_t(number)] += values[index];
#pragma omp barrier
            // The parts of the others are there.
            int sum = 0;
            for (int other = 0; other < count; other++)
                sum += parts[size_t(other)];
            require(sum == all, "a thread passed the barrier before another had arrived");
            int inner = 0;
#pragma omp parallel num_threads(2)
            inner += omp_get_num_threads();
            require(inner == 1, "a loop inside a loop has one thread");
            seen[size_t(number)] = count;
        }
        for (int number = 0; number < threads; number++)
            require(seen[size_t(number)] == threads, "a thread of the loop is missing");
        pause(round);
    }
}

} // namespace

int main(int, char **arguments) {
    cesar::use_own_runtime();
    const unsigned rounds = unsigned(std::atoi(arguments[1]));
    // Starters come and go with their teams.
    for (unsigned generation = 0; generation < 3; generation++) {
        std::vector<std::thread> starters;
        for (unsigned seed = 0; seed < 3; seed++)
            starters.emplace_back(loops, generation * 3 + seed, rounds);
        for (auto &starter : starters)
            starter.join();
    }
    std::printf("%u loops\n", 9 * rounds);
}
