#include "services/delivery/app.h"
#include "shared/distributed/program.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                sekisho::distributed::MakeProgram("Sends to next hops, retries, bounces.",
                                                                  {"delivery", sekisho::delivery::MakeService}));
}
