// The allocator of CTranslate2's tensors, which keeps large blocks for reuse.
//
// Every layer allocates and frees the same few sizes of some megabytes. The C library either returns such blocks to the system at once,
// which then clears every page again, or cuts them from a heap that becomes fragmented: in batches, holes were a quarter of the memory. Here
// large blocks are mapped one by one, so freeing one leaves no hole, and some of them wait for reuse. The system is not asked for large
// pages: with them, it gained little to let more blocks wait.
//
// Patch 0002 removes the allocator of CTranslate2's `cpu/allocator.cc`.

#include "openmp_runtime.h"

#include "ctranslate2/allocator.h"

#include <cstdlib>
#include <list>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <unordered_map>

namespace {

constexpr size_t ALIGNMENT = 64;
// Smaller ones are left to the C library.
constexpr size_t LEAST_LARGE = 256 << 10;
// What waits for reuse at most, in bytes. Less takes more time (`README.md`).
constexpr size_t MOST_WAITING = 64 << 20;
constexpr size_t PAGE = 4096;
// Sizes are rounded up to one of so many between a power of two and the next, so that a block does for what is a little larger, too.
constexpr size_t SIZES = 8;

struct Block {
    void *begin;
    size_t size;
};

size_t rounded(size_t size) {
    size_t grain = PAGE;
    while (size >= 2 * SIZES * grain)
        grain *= 2;
    return (size + grain - 1) / grain * grain;
}

void *map(size_t size) {
    void *begin = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return begin == MAP_FAILED ? nullptr : begin;
}

class Memory : public ctranslate2::Allocator {
  public:
    void *allocate(size_t size, int) override {
        void *begin = size < LEAST_LARGE ? small(size) : large(rounded(size));
        if (!begin)
            throw std::bad_alloc();
        return begin;
    }

    void free(void *begin, int) override {
        // Mapped blocks begin at a page; those of the C library seldom do.
        if (reinterpret_cast<size_t>(begin) % PAGE != 0 || !give_back(begin))
            std::free(begin);
    }

    void clear_cache() override {
        {
            const std::lock_guard<std::mutex> guard(lock);
            while (!waiting.empty())
                unmap_oldest();
        }
#ifdef __GLIBC__
        // oneDNN's copies of what it multiplies, which the C library keeps for each thread.
        malloc_trim(0);
#endif
    }

  private:
    static void *small(size_t size) {
        void *begin = nullptr;
        return posix_memalign(&begin, ALIGNMENT, size) == 0 ? begin : nullptr;
    }

    void *large(size_t size) {
        const std::lock_guard<std::mutex> guard(lock);
        const auto fits = smallest_that_fits(size);
        void *begin = nullptr;
        if (fits != waiting.end()) {
            begin = fits->begin;
            size = fits->size;
            waiting_bytes -= size;
            waiting.erase(fits);
        } else {
            begin = map(size);
        }
        if (begin)
            used.emplace(begin, size);
        return begin;
    }

    // Of those that are not more than half as large again; the last used of equal ones.
    std::list<Block>::iterator smallest_that_fits(size_t size) {
        auto best = waiting.end();
        for (auto block = waiting.begin(); block != waiting.end(); ++block)
            if (block->size >= size && block->size <= size + size / 2 && (best == waiting.end() || block->size <= best->size))
                best = block;
        return best;
    }

    bool give_back(void *begin) {
        const std::lock_guard<std::mutex> guard(lock);
        const auto found = used.find(begin);
        if (found == used.end())
            return false;
        waiting.push_back({begin, found->second});
        waiting_bytes += found->second;
        used.erase(found);
        while (waiting_bytes > MOST_WAITING)
            unmap_oldest();
        return true;
    }

    void unmap_oldest() {
        const Block oldest = waiting.front();
        waiting.pop_front();
        waiting_bytes -= oldest.size;
        munmap(oldest.begin, oldest.size);
    }

    std::mutex lock;
    // By address: their sizes.
    std::unordered_map<void *, size_t> used;
    // The longest unused first.
    std::list<Block> waiting;
    size_t waiting_bytes = 0;
};

} // namespace

namespace ctranslate2 {

template <> Allocator &get_allocator<Device::CPU>() {
    cesar::use_own_runtime();
    static Memory memory;
    return memory;
}

} // namespace ctranslate2

// Called by the plugin at the end of a recording.
extern "C" void cesar_ct2_release_memory() {
    ctranslate2::get_allocator<ctranslate2::Device::CPU>().clear_cache();
}
