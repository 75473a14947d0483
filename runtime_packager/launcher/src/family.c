/* Linux and macOS: the end of all that the backend has left behind.
 *
 * A relative carries the marker in the environment it was started with and is in the backend's
 * session. One that made a session of its own (setsid, start_new_session) has left on purpose.
 * Parents do not count: who loses its own gets another. Other users' processes need no check:
 * their environment cannot be read. */
#include "on_unix.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* multiprocessing's and joblib's, which remove shared memory once all who use it are gone. They
 * ignore SIGTERM, and so may their users: only their command line tells one from the other. */
#define TRACKER "resource_tracker import main"

enum scan {
    EMPTY_SCANS = 2, /* in a row: one can miss a process in the middle of fork */
    SCAN_PAUSE = 2,  /* milliseconds; none while others come as fast as they are ended */
};

/* A launcher that is about to leave has the marker in its environment until it has started the
 * interpreter, and who starts one may well end at once. */
static bool is_leaving(pid_t process)
{
    static const char argument[] = "\0" OPTION_DETACH;
    return text_holds(process, COMMAND_LINE, argument, sizeof argument) == YES;
}

static enum answer is_relative(const struct watch *watch, pid_t process)
{
    enum answer marked = text_holds(process, ENVIRONMENT, watch->marker, strlen(watch->marker) + 1);
    return marked == YES && is_leaving(process) ? NO : marked;
}

static bool is_tracker(pid_t process)
{
    return text_holds(process, COMMAND_LINE, TRACKER, strlen(TRACKER)) == YES;
}

static bool shares_session(const struct watch *watch, pid_t process)
{
    pid_t session = getsid(process); /* the backend may have made one of its own */
    return session == watch->session || session == watch->backend;
}

/* How many relatives there are, or may be; each gets the signal (0: none), trackers unless they are spared. */
static size_t signal_relatives(const struct watch *watch, int number, bool spare_trackers)
{
    size_t count, found = 0;
    pid_t *processes = list_processes(&count);
    for (size_t i = count; i-- > 0;) { /* the youngest first, before they have children */
        if (!shares_session(watch, processes[i]))
            continue;
        int held = hold_process(processes[i]); /* first, so that it is this one we then look at */
        enum answer relative = is_relative(watch, processes[i]);
        found += relative != NO;
        if (relative == YES && number != 0 && !(spare_trackers && is_tracker(processes[i])))
            signal_held(held, processes[i], number);
        release_process(held);
    }
    return found;
}

/* Whether all ended in time; those found first get one signal, those found later another. */
static bool have_ended(const struct watch *watch, int first, int then, bool spare_trackers,
                       int patience)
{
    long long deadline = milliseconds() + patience;
    int number = first, empty = 0;
    do {
        bool found = signal_relatives(watch, number, spare_trackers) > 0;
        empty = found ? 0 : empty + 1;
        if (empty == EMPTY_SCANS)
            return true;
        if (!found || number != SIGKILL)
            pause_for(SCAN_PAUSE);
        number = then;
    } while (milliseconds() < deadline);
    return false;
}

void end_family(const struct watch *watch)
{
    (void)(have_ended(watch, SIGTERM, 0, false, FAMILY_GRACE) ||
           have_ended(watch, SIGKILL, SIGKILL, true, FAMILY_GRACE) ||
           have_ended(watch, SIGKILL, SIGKILL, false, FAMILY_LIMIT));
}
