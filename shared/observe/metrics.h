#pragma once
// Counters, gauges and histograms in Prometheus' text format. Handles are cheap to copy and live as long as the
// process. Names follow sekisho_<thing>_<unit>; labels are few and bounded: a family takes at most `max_series` label
// sets, everything beyond goes to one series labelled "other" and is counted in sekisho_metrics_overflow_total. Thread
// safe.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho::observe {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void Add(double by = 1) const;

 private:
  friend class Metrics;
  void* counter_ = nullptr;
};

class Gauge {
 public:
  void Set(double value) const;
  void Add(double by) const;

 private:
  friend class Metrics;
  void* gauge_ = nullptr;
};

class Histogram {
 public:
  void Observe(double value) const;

 private:
  friend class Metrics;
  void* histogram_ = nullptr;
};

class Metrics {
 public:
  // The process's own.
  static Metrics& Global();
  Metrics();
  ~Metrics();

  Counter GetCounter(const std::string& name, const std::string& help, const Labels& labels = {},
                     size_t max_series = 100);
  Gauge GetGauge(const std::string& name, const std::string& help, const Labels& labels = {}, size_t max_series = 100);
  // Bounds in seconds: from 1 ms to 10 minutes.
  Histogram GetHistogram(const std::string& name, const std::string& help, const Labels& labels = {},
                         size_t max_series = 100);

  // Called before each exposition, to set gauges that are cheaper to read than to keep. Returns an id for Forget.
  int OnCollect(std::function<void()> update);
  void Forget(int id);

  std::string Expose();  // text format 0.0.4

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sekisho::observe
