#include "shared/observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <set>

namespace sekisho::observe {

void Counter::Add(double by) const {
  if (counter_ != nullptr) static_cast<prometheus::Counter*>(counter_)->Increment(by);
}
void Gauge::Set(double value) const {
  if (gauge_ != nullptr) static_cast<prometheus::Gauge*>(gauge_)->Set(value);
}
void Gauge::Add(double by) const {
  if (gauge_ != nullptr) static_cast<prometheus::Gauge*>(gauge_)->Increment(by);
}
void Histogram::Observe(double value) const {
  if (histogram_ != nullptr) static_cast<prometheus::Histogram*>(histogram_)->Observe(value);
}

struct Metrics::State {
  prometheus::Registry registry;
  std::mutex mutex;
  std::map<std::string, std::set<Labels>> series;
  std::map<int, std::function<void()>> updates;
  int next_update = 1;

  // `labels`, or the one series for what a family has no room for.
  Labels Bounded(const std::string& name, const Labels& labels, size_t max_series) {
    const std::scoped_lock lock(mutex);
    auto& known = series[name];
    if (known.contains(labels)) return labels;
    if (known.size() < max_series) {
      known.insert(labels);
      return labels;
    }
    prometheus::BuildCounter()
        .Name("sekisho_metrics_overflow_total")
        .Help("Label sets that a metric family had no room for")
        .Register(registry)
        .Add({{"family", name}})
        .Increment();
    Labels other = labels;
    for (auto& [label, value] : other) value = "other";
    return other;
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Metrics& Metrics::Global() {
  static Metrics metrics;
  return metrics;
}

Counter Metrics::GetCounter(const std::string& name, const std::string& help, const Labels& labels, size_t max_series) {
  Counter counter;
  counter.counter_ = &prometheus::BuildCounter()
                          .Name(name)
                          .Help(help)
                          .Register(state_->registry)
                          .Add(state_->Bounded(name, labels, max_series));
  return counter;
}

Gauge Metrics::GetGauge(const std::string& name, const std::string& help, const Labels& labels, size_t max_series) {
  Gauge gauge;
  gauge.gauge_ = &prometheus::BuildGauge()
                      .Name(name)
                      .Help(help)
                      .Register(state_->registry)
                      .Add(state_->Bounded(name, labels, max_series));
  return gauge;
}

Histogram Metrics::GetHistogram(const std::string& name, const std::string& help, const Labels& labels,
                                size_t max_series) {
  static const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3,
                                                                   1,     3,     10,   60,   600};
  Histogram histogram;
  histogram.histogram_ = &prometheus::BuildHistogram()
                              .Name(name)
                              .Help(help)
                              .Register(state_->registry)
                              .Add(state_->Bounded(name, labels, max_series), kSeconds);
  return histogram;
}

int Metrics::OnCollect(std::function<void()> update) {
  const std::scoped_lock lock(state_->mutex);
  state_->updates[state_->next_update] = std::move(update);
  return state_->next_update++;
}

void Metrics::Forget(int id) {
  const std::scoped_lock lock(state_->mutex);
  state_->updates.erase(id);
}

std::string Metrics::Expose() {
  std::vector<std::function<void()>> updates;
  {
    const std::scoped_lock lock(state_->mutex);
    for (const auto& [id, update] : state_->updates) updates.push_back(update);
  }
  for (const auto& update : updates) update();
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace sekisho::observe
