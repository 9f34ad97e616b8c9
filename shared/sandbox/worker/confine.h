#pragma once
// What the worker gives up before it looks at content. Nothing here can be undone by the process itself.

#include <cstdint>

namespace sekisho::sandbox {

// Memory, CPU time, no files written, few descriptors, no core dumps.
bool LimitResources(uint64_t memory, uint32_t cpu_seconds);

// For parsing in this process: reads and writes what is open, gets memory, ends. No files, sockets, processes or
// signals; any other system call kills.
bool ConfineToParsing();

// For running a reader program: it may be started and may read system libraries, fonts and character tables; it writes
// only to what is open. Needs Landlock (Linux 5.13); false without it, and the program must not be run.
bool ConfineToReaderProgram();

}  // namespace sekisho::sandbox
