#include "tests/contract/growth.h"

#include <map>

namespace sekisho::contract {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::ServiceDescriptorProto;

// What must stay as it is: its full name (of a field and an enum value, that of what it is in and its number) → how it
// is.
using Facts = std::map<std::string, std::string>;

void AddEnum(const std::string& scope, const EnumDescriptorProto& of, Facts& facts) {
  const std::string name = scope + "." + of.name();
  facts["enum " + name];
  for (const auto& value : of.value()) facts["value " + name + " = " + std::to_string(value.number())] = value.name();
}

std::string Describe(const DescriptorProto& message, const FieldDescriptorProto& field) {
  std::string text = field.name() + ": " + FieldDescriptorProto::Label_Name(field.label()) + " " +
                     FieldDescriptorProto::Type_Name(field.type()) + " " + field.type_name();
  if (field.proto3_optional()) return text + " optional";
  if (field.has_oneof_index()) text += " of oneof " + message.oneof_decl(field.oneof_index()).name();
  return text;
}

void AddMessage(const std::string& scope, const DescriptorProto& of, Facts& facts) {
  const std::string name = scope + "." + of.name();
  facts["message " + name];
  for (const auto& field : of.field()) {
    facts["field " + name + " = " + std::to_string(field.number())] = Describe(of, field);
  }
  for (const auto& nested : of.nested_type()) AddMessage(name, nested, facts);
  for (const auto& nested : of.enum_type()) AddEnum(name, nested, facts);
}

void AddService(const std::string& scope, const ServiceDescriptorProto& of, Facts& facts) {
  const std::string name = scope + "." + of.name();
  facts["service " + name];
  for (const auto& method : of.method()) {
    facts["rpc " + name + "." + method.name()] = method.input_type() + (method.client_streaming() ? " stream" : "") +
                                                 " -> " + method.output_type() +
                                                 (method.server_streaming() ? " stream" : "");
  }
}

Facts FactsOf(const FileDescriptorSet& files) {
  Facts facts;
  for (const auto& file : files.file()) {
    for (const auto& message : file.message_type()) AddMessage(file.package(), message, facts);
    for (const auto& of : file.enum_type()) AddEnum(file.package(), of, facts);
    for (const auto& service : file.service()) AddService(file.package(), service, facts);
  }
  return facts;
}

}  // namespace

std::vector<std::string> Broken(const FileDescriptorSet& earlier, const FileDescriptorSet& later) {
  const Facts now = FactsOf(later);
  std::vector<std::string> broken;
  for (const auto& [what, how] : FactsOf(earlier)) {
    const auto found = now.find(what);
    if (found == now.end()) {
      broken.push_back(what + " is gone");
    } else if (found->second != how) {
      broken.push_back(what + " was '" + how + "' and is '" + found->second + "'");
    }
  }
  return broken;
}

}  // namespace sekisho::contract
