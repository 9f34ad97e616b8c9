#pragma once
// Whether protocol definitions only grew: everything that a program of the earlier ones sends, stores or calls means
// the same under the later ones. Pure.

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

namespace sekisho::contract {

// A line for each thing of `earlier` that `later` no longer has, or has otherwise: messages, fields (number, name,
// type, cardinality, oneof), enum values, services, RPCs. Empty when there is none.
std::vector<std::string> Broken(const google::protobuf::FileDescriptorSet& earlier,
                                const google::protobuf::FileDescriptorSet& later);

}  // namespace sekisho::contract
