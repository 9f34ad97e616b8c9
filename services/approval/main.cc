#include "services/approval/app.h"
#include "shared/distributed/program.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                sekisho::distributed::MakeProgram("Keeps what waits for time or for a person.",
                                                                  {"approval", sekisho::approval::MakeService}));
}
