#pragma once
// Ordinary mail as the programs used in Japan write it, thousands of them, each with what a reader must find in it.
// Made, not collected: nobody's mail is in the repository. The same number gives the same mail.

#include <cstddef>
#include <string>
#include <vector>

namespace sekisho::mime {

struct CorpusMail {
  std::string client;  // whose style it is
  std::string octets;
  std::string subject;  // what a reader must find, UTF-8
  std::string from_name;
  std::string phrase;                   // somewhere in the body
  std::vector<std::string> file_names;  // of attachments, in order
};

size_t ClientStyles();
CorpusMail MakeCorpusMail(size_t number);

}  // namespace sekisho::mime
