/* Linux and macOS: when the parent is gone, however it went, the interpreter gets SIGTERM and a
 * second later SIGKILL; when the interpreter is gone, its family follows.
 *
 * Nothing of a process survives exec that could do this, so a second one watches. It is nobody's
 * child (the app must not find it in os.wait()), in its own session (Ctrl-C must not reach it),
 * and holds none of the app's descriptors (whoever reads our output must see it end). */
#include "on_unix.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void pause_for(int duration)
{
    struct timespec time = {.tv_sec = duration / 1000, .tv_nsec = duration % 1000 * 1000000L};
    nanosleep(&time, NULL); /* all signals are blocked in the watcher */
}

/* The interpreter's side */

static void refuse_orphan(pid_t parent)
{
    if (getppid() != parent)
        fail(EXIT_GUARD, "the process that started %s ended before it could run", program_name);
}

/* A parent may have left SIGTERM ignored or blocked for us, and exec hands that on. */
static void let_sigterm_through(void)
{
    sigset_t only;
    if (signal(SIGTERM, SIG_DFL) == SIG_ERR || sigemptyset(&only) != 0 ||
        sigaddset(&only, SIGTERM) != 0 || sigprocmask(SIG_UNBLOCK, &only, NULL) != 0)
        fail(EXIT_GUARD, "SIGTERM cannot be enabled: %s", strerror(errno));
}

static const char *kind_of(mode_t mode)
{
    return S_ISREG(mode)   ? "a file"
           : S_ISDIR(mode) ? "a directory"
           : S_ISCHR(mode) ? "a terminal or another device"
                           : "something else";
}

/* Files and /dev/null are always at their end, and a terminal's has other signals. */
static void check_stdin(void)
{
    struct stat status;
    if (fstat(STDIN_FILENO, &status) != 0)
        fail(EXIT_GUARD, "%s: expected a pipe or a socket as standard input: %s", OPTION_STDIN,
             strerror(errno));
    if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode))
        fail(EXIT_GUARD, "%s: expected a pipe or a socket as standard input, found %s",
             OPTION_STDIN, kind_of(status.st_mode));
}

void leave_family(void)
{
    unsetenv(FAMILY_VARIABLE);
}

static void join_family(const char *marker)
{
    if (setenv(FAMILY_VARIABLE, marker + strlen(FAMILY_VARIABLE "="), 1) != 0)
        fail(EXIT_INTERNAL, "the environment variable %s cannot be set: %s", FAMILY_VARIABLE,
             strerror(errno));
}

static const char *new_marker(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return format_text("%s=%ld-%llx-%lx", FAMILY_VARIABLE, (long)getpid(),
                       (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec);
}

/* The watcher's side */

/* SIGTERM, unless the system has sent it, and SIGKILL to one that lives on. The same death can
 * close our standard input and be a parent's: then it is a parent's, or there were two SIGTERM. */
static void end_backend(const struct watch *watch, enum event reason)
{
    if (reason == STDIN_ENDED) {
        enum event more = wait_for_event(watch, BACKEND_ENDED | PARENT_ENDED, PARENT_LAG);
        reason = more == NOTHING ? reason : more;
    }
    if (reason == BACKEND_ENDED)
        return;
    if (reason == STDIN_ENDED || !parent_death_is_signalled())
        signal_backend(watch, SIGTERM);
    if (wait_for_event(watch, BACKEND_ENDED, BACKEND_GRACE) != BACKEND_ENDED)
        signal_backend(watch, SIGKILL);
}

/* Whether all is well and the backend knows. */
static bool tell(int announce, int error)
{
    unsigned char problem = (unsigned char)error;
    return write(announce, &problem, 1) == 1 && problem == 0;
}

/* Whoever looks at the list of processes should not take it for a second backend. */
static void rename_watcher(char **arguments, pid_t backend)
{
    char name[64];
    char *start = arguments[0], *end = start;
    for (; *arguments != NULL && *arguments == end; arguments++)
        end += strlen(*arguments) + 1;
    snprintf(name, sizeof name, "guard of process %ld", (long)backend);
    for (char *at = start, *from = name; at < end; at++)
        *at = at + 1 < end && *from != '\0' ? *from++ : '\0';
    name_watcher();
}

static _Noreturn void run_watcher(const struct watch *watch, bool stdin_eof, int announce,
                                  char **arguments)
{
    if (!WATCH_IS_INHERITED && !tell(announce, begin_watch(watch, stdin_eof)))
        _exit(1);
    rename_watcher(arguments, watch->backend);
    drop_descriptors(stdin_eof);
    int watched = BACKEND_ENDED | PARENT_ENDED | (stdin_eof ? STDIN_ENDED : 0);
    enum event reason = wait_for_event(watch, watched, FOREVER);
    close(STDIN_FILENO); /* whoever wrote to it must see that nobody reads any more */
    end_backend(watch, reason);
    end_family(watch);
    _exit(0);
}

/* The process between us and the watcher, whose end makes that one nobody's child. Where nothing
 * can fail in the watcher the good news is its own: on a busy machine the watcher's turn is late. */
static _Noreturn void run_between(const struct watch *watch, bool stdin_eof, int announce,
                                  char **arguments)
{
    sigset_t every;
    sigfillset(&every); /* the watcher ends by itself and in time; killall should mean the backend */
    sigprocmask(SIG_SETMASK, &every, NULL);
    bool away = setsid() >= 0 && chdir("/") == 0;
    pid_t watcher = away ? fork() : -1;
    if (watcher == 0)
        run_watcher(watch, stdin_eof, announce, arguments);
    if (watcher < 0 || WATCH_IS_INHERITED)
        tell(announce, watcher < 0 ? errno : 0);
    _exit(0);
}

/* Both sides */

static void start_watcher(const struct watch *watch, bool stdin_eof, int announce, char **arguments)
{
    pid_t between = fork();
    if (between == 0)
        run_between(watch, stdin_eof, announce, arguments);
    if (between < 0)
        fail(EXIT_GUARD, "the process that watches the parent cannot be made: %s",
             strerror(errno));
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* Start the watcher and wait until it watches. */
static void make_watcher(const struct watch *watch, bool stdin_eof, char **arguments)
{
    int news[2];
    unsigned char problem;
    ssize_t size;
    if (pipe(news) != 0)
        fail(EXIT_GUARD, "a pipe to the watcher cannot be made: %s", strerror(errno));
    start_watcher(watch, stdin_eof, news[1], arguments);
    close(news[1]);
    do
        size = read(news[0], &problem, 1);
    while (size < 0 && errno == EINTR);
    close(news[0]);
    refuse_orphan(watch->parent);
    if (size != 1 || problem != 0)
        fail(EXIT_GUARD, "the parent cannot be watched: %s",
             size == 1 ? strerror(problem) : "the watcher ended");
}

void guard(pid_t parent, bool stdin_eof, char **arguments)
{
    struct watch watch = {getpid(), parent, getsid(0), new_marker()};
    if (stdin_eof)
        check_stdin();
    let_sigterm_through();
    prepare_watch(&watch);
    refuse_orphan(parent);
    if (watch.backend != 1)
        make_watcher(&watch, stdin_eof, arguments);
    else if (stdin_eof)
        fail(EXIT_GUARD, "%s: process 1 cannot be ended from inside its namespace", OPTION_STDIN);
    join_family(watch.marker);
}
