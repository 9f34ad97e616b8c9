#include "services/intake/app.h"
#include "shared/distributed/program.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                sekisho::distributed::MakeProgram("The front door: SMTP submission, relays, gRPC.",
                                                                  {"intake", sekisho::intake::MakeService}));
}
