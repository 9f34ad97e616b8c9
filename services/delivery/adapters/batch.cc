#include "services/delivery/adapters/batch.h"

namespace sekisho::delivery {

std::string RowContext(const RowKey& key) {
  return "delivery.recipient:" + std::string(key.parcel.octets()) + std::to_string(key.index);
}

}  // namespace sekisho::delivery
