#include "services/standalone/app.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                {"sekisho-standalone", "The whole checkpoint in one process, with no other server.", "",
                                 [](const auto& config, const auto&) { return sekisho::standalone::MakeApp(config); }});
}
