// A sequence whose copies share what they have in common: a copy costs one pointer for each 64 elements, and a change
// copies the 64 around it. Not thread-safe; copies may be used by different threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace plumbline::mls {

template <typename T>
class PersistentVector {
 public:
  size_t size() const { return size_; }
  const T& operator[](size_t index) const { return (*chunks_[index / kChunk])[index % kChunk]; }

  // To change an element (index < size). Valid until the next copy or change of the vector.
  T& Mutable(size_t index) {
    return Own(index / kChunk)[index % kChunk];
  }

  // Drops elements from `size` on, or adds default ones.
  void Resize(size_t size) {
    const size_t chunks = (size + kChunk - 1) / kChunk;
    chunks_.resize(std::min(chunks, chunks_.size()));
    if (!chunks_.empty()) ResizeLast(size);
    while (chunks_.size() < chunks) {
      chunks_.push_back(std::make_shared<Chunk>());
      ResizeLast(size);
    }
    size_ = size;
  }
  void PushBack(T value) {
    Resize(size_ + 1);
    Mutable(size_ - 1) = std::move(value);
  }

  // Calls visit(index, element) for all, in order; cheaper than indexing.
  template <typename Visit>
  void ForEach(Visit visit) const {
    size_t index = 0;
    for (const std::shared_ptr<Chunk>& chunk : chunks_) {
      for (const T& element : *chunk) visit(index++, element);
    }
  }

 private:
  static constexpr size_t kChunk = 64;
  using Chunk = std::vector<T>;  // only the last one is shorter than kChunk

  Chunk& Own(size_t index) {
    std::shared_ptr<Chunk>& chunk = chunks_[index];
    if (chunk.use_count() != 1) chunk = std::make_shared<Chunk>(*chunk);
    // What another thread did with its copy before it let go of it came before what happens here.
    std::atomic_thread_fence(std::memory_order_acquire);
    return *chunk;
  }
  // The last chunk there is, to what it holds of `size` elements in all.
  void ResizeLast(size_t size) {
    const size_t wanted = std::min(kChunk, size - (chunks_.size() - 1) * kChunk);
    if (chunks_.back()->size() != wanted) Own(chunks_.size() - 1).resize(wanted);
  }

  std::vector<std::shared_ptr<Chunk>> chunks_;
  size_t size_ = 0;
};

}  // namespace plumbline::mls
