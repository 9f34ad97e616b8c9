#pragma once
// What the recorded calls (recorded_calls.cc) do: the call itself, and its record. Inside the recorder only.

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "shared/testing/powercut/journal_format.h"

namespace sekisho::powercut {

// Whether this process is recorded at all.
bool Recording();
bool RecordingSockets();
// Whether writes to `fd` go into the journal; otherwise the caller makes the system call that it was asked for: the
// process may be one to which others are forbidden.
bool IsRecorded(int fd);

int RecordedOpen(int at, const char* path, int flags, mode_t mode);
int RecordedClose(int fd);
void Forget(int fd);  // it is about to become another file
ssize_t RecordedWrite(int fd, const iovec* parts, int count);
ssize_t RecordedPwrite(int fd, const void* octets, size_t size, off64_t offset);
ssize_t RecordedSend(int fd, const msghdr* message, int flags);
int RecordedTruncate(int fd, off64_t size);
int RecordedSync(int fd, long system_call);
int RecordedRename(int from_at, const char* from, int to_at, const char* to, unsigned flags);
// A call that changes the name `path`; `flags` as unlinkat(2) takes them, `mode` for a new folder.
int RecordedRemove(int at, const char* path, int flags);
int RecordedMakeFolder(int at, const char* path, mode_t mode);

// Aborts when `fd`, or the name `path`, is watched: `call` is not recorded.
void Refuse(int fd, const char* call);
void RefuseName(const char* path, const char* call);

}  // namespace sekisho::powercut
