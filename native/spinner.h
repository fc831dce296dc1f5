// When polling for the next request is worth a CPU, and when it is not.
#pragma once

#include <cstdint>

namespace nexus {

// A sleeping CPU takes longer to wake than a request takes to serve; but a poll that finds nothing takes the CPU from
// somebody else. So: poll only right after several requests, and rarely while polling rarely succeeds. Times are in
// nanoseconds of a monotonic clock.
class Spinner {
 public:
  struct Counts {
    uint64_t spins = 0;
    uint64_t hits = 0;
    uint64_t wasted = 0;  // nanoseconds
  };

  void set_limit(uint64_t limit) { limit_ = limit; }
  const Counts& counts() const { return counts_; }

  void Message(uint64_t now) {
    arrivals_[next_] = now;
    next_ = (next_ + 1) % kRecent;
  }

  // Whether requests are coming closely enough to keep the loop awake for the next.
  bool Warm(uint64_t now) const { return limit_ != 0 && now - arrivals_[next_] < kRecency; }

  // For how long to poll now; 0: not at all.
  uint64_t Window(uint64_t now) {
    if (!Warm(now)) return 0;
    if (rate_ >= kWorthwhile) return limit_;
    return ++skipped_ % kProbe == 0 ? limit_ : 0;
  }

  // One poll is over. One that made way for other work says nothing about traffic and is not told.
  void Done(bool hit, uint64_t spent) {
    counts_.spins++;
    if (hit) {
      counts_.hits++;
      rate_ += (kOne - rate_) / 8;
    } else {
      counts_.wasted += spent;
      rate_ -= rate_ / 8;
    }
  }

 private:
  static constexpr uint32_t kRecent = 4;               // this many requests ...
  static constexpr uint64_t kRecency = 1000 * 1000;    // ... within this time are traffic
  static constexpr uint32_t kOne = 1024;               // a success rate of 1
  static constexpr uint32_t kWorthwhile = kOne * 2 / 5;
  static constexpr uint32_t kProbe = 16;               // below that, one poll in so many

  uint64_t limit_ = 50 * 1000;
  uint64_t arrivals_[kRecent] = {};
  uint32_t next_ = 0;
  uint32_t rate_ = kOne;
  uint32_t skipped_ = 0;
  Counts counts_;
};

}  // namespace nexus
