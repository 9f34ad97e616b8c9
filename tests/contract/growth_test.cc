// The protocol definitions of this tree against those of each version that is out.
#include "tests/contract/growth.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace sekisho::contract {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

FileDescriptorSet ReadDescriptors(const std::filesystem::path& file) {
  FileDescriptorSet set;
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(set.ParseFromIstream(&in)) << file;
  EXPECT_GT(set.file_size(), 0) << file;
  return set;
}

TEST(GrowthTest, NothingThatAnEarlierVersionKnowsHasChanged) {
  const FileDescriptorSet now = ReadDescriptors(SEKISHO_DESCRIPTORS);
  int versions = 0;
  for (const auto& version : std::filesystem::directory_iterator(SEKISHO_GOLDEN)) {
    ++versions;
    for (const std::string& line : Broken(ReadDescriptors(version.path() / "descriptors.binpb"), now)) {
      ADD_FAILURE() << "since " << version.path().filename() << ": " << line;
    }
  }
  EXPECT_GT(versions, 0);
}

FileDescriptorSet Edited(const std::function<void(FileDescriptorProto& mail)>& edit) {
  FileDescriptorSet set = ReadDescriptors(SEKISHO_DESCRIPTORS);
  for (auto& file : *set.mutable_file()) {
    if (file.name() == "sekisho/mail/v1/mail.proto") edit(file);
    if (file.name() == "sekisho/stage/v1/stage.proto") edit(file);
  }
  return set;
}

DescriptorProto* Find(FileDescriptorProto& file, const std::string& name) {
  for (auto& message : *file.mutable_message_type()) {
    if (message.name() == name) return &message;
  }
  return nullptr;
}

// The check must be able to fail: each of these would break an earlier program.
TEST(GrowthTest, WhatWouldBreakIsNamed) {
  struct Case {
    const char* what;
    const char* named;
    std::function<void(FileDescriptorProto&)> edit;
  };
  const auto parcel = [](const std::function<void(DescriptorProto&)>& edit) {
    return [edit](FileDescriptorProto& file) {
      if (DescriptorProto* found = Find(file, "Parcel")) edit(*found);
    };
  };
  const auto service = [](const std::function<void(google::protobuf::ServiceDescriptorProto&)>& edit) {
    return [edit](FileDescriptorProto& file) {
      if (file.service_size() > 0) edit(*file.mutable_service(0));
    };
  };
  const Case cases[] = {
      {"a field gone", "field sekisho.mail.v1.Parcel = 1 ",
       parcel([](auto& message) { message.mutable_field()->DeleteSubrange(0, 1); })},
      {"another number", "field sekisho.mail.v1.Parcel = 5 ",
       parcel([](auto& message) { message.mutable_field(4)->set_number(99); })},
      {"another type", "field sekisho.mail.v1.Parcel = 5 ", parcel([](auto& message) {
         message.mutable_field(4)->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
       })},
      {"another message in it", "field sekisho.mail.v1.Parcel = 6 ",
       parcel([](auto& message) { message.mutable_field(5)->set_type_name(".sekisho.mail.v1.Submitter"); })},
      {"many instead of one", "field sekisho.mail.v1.Parcel = 13 ", parcel([](auto& message) {
         message.mutable_field(12)->set_label(google::protobuf::FieldDescriptorProto::LABEL_REPEATED);
       })},
      {"another name", "field sekisho.mail.v1.Parcel = 13 ",
       parcel([](auto& message) { message.mutable_field(12)->set_name("title"); })},
      {"into a oneof", "field sekisho.mail.v1.Parcel = 13 ", parcel([](auto& message) {
         message.add_oneof_decl()->set_name("either");
         message.mutable_field(12)->set_oneof_index(0);
       })},
      {"a message gone", "message sekisho.mail.v1.Parcel ",
       [](FileDescriptorProto& file) {
         if (DescriptorProto* found = Find(file, "Parcel")) found->set_name("Parcel2");
       }},
      {"a value renamed", "value sekisho.mail.v1.Stage = 1 ",
       [](FileDescriptorProto& file) {
         if (file.enum_type_size() > 0) file.mutable_enum_type(0)->mutable_value(1)->set_name("STAGE_DOOR");
       }},
      {"a nested value gone", "value sekisho.mail.v1.Control.Action = 1 ",
       [](FileDescriptorProto& file) {
         if (DescriptorProto* found = Find(file, "Control")) {
           found->mutable_enum_type(0)->mutable_value()->DeleteSubrange(1, 1);
         }
       }},
      {"an RPC gone", "rpc sekisho.stage.v1.StageService.ListServices ",
       service([](auto& of) { of.mutable_method()->DeleteSubrange(0, 1); })},
      {"an RPC that streams", "rpc sekisho.stage.v1.StageService.ListQueues ",
       service([](auto& of) { of.mutable_method(1)->set_server_streaming(true); })},
  };
  const FileDescriptorSet now = ReadDescriptors(SEKISHO_DESCRIPTORS);
  for (const Case& one : cases) {
    const auto broken = Broken(now, Edited(one.edit));
    ASSERT_FALSE(broken.empty()) << one.what;
    bool named = false;
    for (const std::string& line : broken) named = named || line.find(one.named) != std::string::npos;
    EXPECT_TRUE(named) << one.what << ": " << broken.front();
  }
}

TEST(GrowthTest, WhatIsAddedBreaksNothing) {
  const auto later = Edited([](FileDescriptorProto& file) {
    auto& message = *file.add_message_type();
    message.set_name("Newer");
    if (DescriptorProto* found = Find(file, "Parcel")) {
      auto& field = *found->add_field();
      field.set_name("newer");
      field.set_number(1000);
    }
    if (file.enum_type_size() > 0) {
      auto& value = *file.mutable_enum_type(0)->add_value();
      value.set_name("STAGE_NEWER");
      value.set_number(1000);
    }
  });
  EXPECT_TRUE(Broken(ReadDescriptors(SEKISHO_DESCRIPTORS), later).empty());
}

}  // namespace
}  // namespace sekisho::contract
