#include "services/policy/app.h"
#include "shared/distributed/program.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                sekisho::distributed::MakeProgram("Judges each mail and splits it into parcels.",
                                                                  {"policy", sekisho::policy::MakeService}, true));
}
