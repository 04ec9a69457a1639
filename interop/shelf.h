// Things kept under numbers, the one unused longest leaving first when there are too many. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace plumbline::interop {

// Numbers from 1; several shelves share one, so that no two things have the same.
class Numbers final {
 public:
  uint32_t Next() { return ++last_; }

 private:
  uint32_t last_ = 0;
};

template <typename T>
class Shelf final {
 public:
  // `noun` is for messages; `capacity` at least 1.
  Shelf(const char* noun, size_t capacity, Numbers& numbers)
      : noun_(noun), capacity_(capacity), numbers_(numbers) {}

  uint32_t Put(T thing) {
    if (things_.size() == capacity_) {
      const uint32_t oldest = by_use_.back();
      by_use_.pop_back();
      things_.erase(oldest);
    }
    const uint32_t number = numbers_.Next();
    by_use_.push_front(number);
    things_.emplace(number, Kept{std::move(thing), by_use_.begin()});
    return number;
  }

  // Null if it is not there. Valid until the next Put or Remove. Counts as use.
  T* Find(uint32_t number) {
    const auto it = things_.find(number);
    if (it == things_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, it->second.use);
    return &it->second.thing;
  }
  // The same; INVALID_ARGUMENT with the reasons there can be.
  absl::StatusOr<T*> Get(uint32_t number) {
    T* const found = Find(number);
    if (found != nullptr) return found;
    return absl::InvalidArgumentError(absl::StrCat(
        "no ", noun_, " ", number, ": never given out, used up, freed, or pushed out (the last ",
        capacity_, " used are kept)"));
  }
  bool Remove(uint32_t number) {
    const auto it = things_.find(number);
    if (it == things_.end()) return false;
    by_use_.erase(it->second.use);
    things_.erase(it);
    return true;
  }
  size_t size() const { return things_.size(); }

 private:
  struct Kept {
    T thing;
    std::list<uint32_t>::iterator use;
  };
  const char* noun_;
  const size_t capacity_;
  Numbers& numbers_;
  std::list<uint32_t> by_use_;  // the last used first
  std::map<uint32_t, Kept> things_;
};

}  // namespace plumbline::interop
