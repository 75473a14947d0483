/* What the Unix files share: the watcher, and what each system has to tell it. */
#ifndef ON_UNIX_H
#define ON_UNIX_H

#include "launcher.h"

#include <sys/types.h>

enum unix_limit {
    DESCRIPTOR_LIMIT = 65536, /* the watcher closes those below; a limit can be "unlimited" */
};

/* Milliseconds. */
enum patience {
    FOREVER = -1,
    PARENT_LAG = 100,     /* a process that ends closes its pipes a little before it is gone */
    BACKEND_GRACE = 1000, /* from SIGTERM to SIGKILL, as the desktop app does it */
    FAMILY_GRACE = 500,   /* the same for the family, and then for its resource trackers */
    FAMILY_LIMIT = 5000,  /* what SIGKILL has not ended by then (a hung disk) is given up */
};

/* In the environment of the interpreter, and so of all that it starts: NAME=<unique to a start>.
 * Not PYTHON*: a launcher among our descendants would remove it without setting its own. */
#define FAMILY_VARIABLE "RUNTIME_FAMILY"

/* Whom the watcher watches. */
struct watch {
    pid_t backend;
    pid_t parent;
    pid_t session;      /* the backend's at its start */
    const char *marker; /* FAMILY_VARIABLE with its value */
};

/* What can happen to them: flags, several of which can be waited for. */
enum event { NOTHING = 0, BACKEND_ENDED = 1, PARENT_ENDED = 2, STDIN_ENDED = 4 };

/* unix_guard.c */
void guard(pid_t parent, bool stdin_eof, char **arguments); /* fails with EXIT_GUARD */
void leave_family(void);      /* an inherited marker must not reach what may outlive us */
long long milliseconds(void); /* on a clock that only goes forward */
void pause_for(int milliseconds);

/* family.c: end all that carry the marker and stayed in the backend's session */
void end_family(const struct watch *watch);

/* guard_linux.c and guard_macos.c. The backend calls the first, the watcher the others; but where
 * what the first has made is inherited, there is nothing to begin. */
#ifdef __APPLE__
#define WATCH_IS_INHERITED false
#else
#define WATCH_IS_INHERITED true
#endif
void prepare_watch(const struct watch *watch);
int begin_watch(const struct watch *watch, bool stdin_eof); /* 0 or errno */
void drop_descriptors(bool but_stdin);
enum event wait_for_event(const struct watch *watch, int wanted, int milliseconds);
bool parent_death_is_signalled(void); /* whether the system itself sends SIGTERM then */
void signal_backend(const struct watch *watch, int number);
void name_watcher(void);

/* Where a process keeps two texts: each a sequence of strings that end with NUL. */
enum text { ENVIRONMENT, COMMAND_LINE };
enum answer { NO, YES, NOT_YET }; /* the last: it is in the middle of exec and has neither text */

pid_t *list_processes(size_t *count);
enum answer text_holds(pid_t process, enum text which, const char *words, size_t size);
int hold_process(pid_t process); /* until it is released, signals reach it and no later one */
void signal_held(int held, pid_t process, int number);
void release_process(int held);

/* refusal.c: why the system would not start this program, in words */
const char *why_not_started(const char *path, int error);

#endif
