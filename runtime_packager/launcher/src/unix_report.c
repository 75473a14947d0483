/* Linux and macOS: a sentence goes to stderr, or to a log where nobody reads that. */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool write_all(int descriptor, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t written = write(descriptor, text, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        left -= (size_t)written;
    }
    return true;
}

/* Whether what we write to stderr can be read: /dev/null, which desktop apps are given, cannot. */
static bool stderr_is_read(void)
{
    struct stat ours, null;
    if (fstat(STDERR_FILENO, &ours) != 0)
        return false;
    if (!S_ISCHR(ours.st_mode) || stat("/dev/null", &null) != 0)
        return true;
    return ours.st_rdev != null.st_rdev;
}

static bool log_directory(char *path, size_t size)
{
    const char *home = getenv("HOME");
    int length = -1;
#ifdef __APPLE__
    if (home != NULL && home[0] == '/')
        length = snprintf(path, size, "%s/Library/Logs/%s/", home, program_name);
#else
    const char *state = getenv("XDG_STATE_HOME");
    if (state != NULL && state[0] == '/')
        length = snprintf(path, size, "%s/%s/", state, program_name);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, size, "%s/.local/state/%s/", home, program_name);
#endif
    return length > 0 && (size_t)length + sizeof LOG_NAME < size;
}

static void make_directories(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700); /* one that cannot be made shows when the log is opened */
        *slash = '/';
    }
}

static void append_to_log(const char *line)
{
    static char path[PATH_LIMIT];
    char when[sizeof "2000-01-01T00:00:00Z "];
    struct stat status;
    if (!log_directory(path, sizeof path))
        return; /* no home: the exit code is all that is left to us, here and below */
    make_directories(path);
    strcat(path, LOG_NAME); /* log_directory left room */
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return;
    if (fstat(log, &status) == 0 && status.st_size > LOG_SIZE_LIMIT && ftruncate(log, 0) != 0)
        return;
    time_t now = time(NULL);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ ", gmtime(&now));
    (void)(write_all(log, when) && write_all(log, line));
    close(log);
}

void report(const char *sentence)
{
    static char line[MESSAGE_LIMIT + NAME_MAX];
    snprintf(line, sizeof line, "%s: %s\n", program_name, sentence);
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone must not keep us from the log */
    if (!stderr_is_read() || !write_all(STDERR_FILENO, line))
        append_to_log(line);
}
