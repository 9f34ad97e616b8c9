#include "services/ledger/app.h"
#include "shared/distributed/program.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                sekisho::distributed::MakeProgram("Reads the journal into each mail's timeline.",
                                                                  {"ledger", sekisho::ledger::MakeService}));
}
