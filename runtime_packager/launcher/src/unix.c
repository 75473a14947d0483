/* Linux and macOS: the interpreter takes this process over, so pid and signals are its own. */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <sys/event.h>
#else
#include <sys/prctl.h>
#endif

extern char **environ;

enum unix_limit {
    DESCRIPTOR_LIMIT = 65536, /* the watcher closes those below; a limit can be "unlimited" */
};

static const char *program_name = "launcher"; /* until we know where we are */

/* Messages */

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

/* Locate */

static char *own_path(void)
{
    static char path[PATH_LIMIT];
#ifdef __APPLE__
    static char started[PATH_LIMIT];
    uint32_t size = sizeof started;
    if (_NSGetExecutablePath(started, &size) != 0)
        fail(EXIT_LOCATE, "this program's path is longer than %d bytes", PATH_LIMIT);
    char *real = realpath(started, NULL);
    if (real == NULL)
        fail(EXIT_LOCATE, "%s, this program's path, cannot be resolved: %s", started,
             strerror(errno));
    snprintf(path, sizeof path, "%s", real);
#else
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size < 0)
        fail(EXIT_LOCATE, "this program's path cannot be read from /proc/self/exe: %s",
             strerror(errno));
    path[size] = '\0';
#endif
    return path;
}

/* Isolate */

bool variable_is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0';
}

struct list python_variables(void)
{
    struct list names = {0};
    for (char **entry = environ; *entry != NULL; entry++)
        if (is_python_variable(*entry))
            list_add(&names, name_of(*entry));
    return names;
}

static void isolate(const struct plan *plan)
{
    char **kept = environ;
    for (char **entry = environ; *entry != NULL; entry++)
        if (!is_python_variable(*entry))
            *kept++ = *entry;
    *kept = NULL;
    for (size_t i = 0; i < plan->set.count; i++) {
        char *name = name_of(plan->set.items[i]);
        if (setenv(name, plan->set.items[i] + strlen(name) + 1, 1) != 0)
            fail(EXIT_INTERNAL, "the environment variable %s cannot be set: %s", name,
                 strerror(errno));
    }
}

/* OpenSSL is built to look for certificates in one place, and distributions keep them in several.
 * Go's crypto/x509 looks in the same ones. */
static const char *const certificate_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Gentoo, NixOS */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* newer ones of these */
    "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine, macOS */
};

static bool is_set_by_cfg(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->set.count; i++)
        if (strcmp(name_of(plan->set.items[i]), name) == 0)
            return true;
    return false;
}

static void find_certificates(struct plan *plan)
{
    if (variable_is_set("SSL_CERT_FILE") || variable_is_set("SSL_CERT_DIR") ||
        is_set_by_cfg(plan, "SSL_CERT_FILE") || is_set_by_cfg(plan, "SSL_CERT_DIR"))
        return;
    size_t count = sizeof certificate_files / sizeof *certificate_files;
    for (size_t i = 0; i < count; i++)
        if (access(certificate_files[i], R_OK) == 0) {
            list_add(&plan->set, format_text("SSL_CERT_FILE=%s", certificate_files[i]));
            return;
        }
}

/* Guard: when the parent is gone, however it went, the interpreter gets SIGTERM */

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

#ifdef __APPLE__

/* macOS has nothing that survives exec, so a second process watches both. It is nobody's child
 * (the app must not find it in os.wait()), in its own session (Ctrl-C must not reach it), and
 * holds none of the app's descriptors (whoever reads our output must see it end). */

static void close_descriptors_but(int kept)
{
    int limit = getdtablesize();
    for (int each = 0; each < limit && each < DESCRIPTOR_LIMIT; each++)
        if (each != kept)
            close(each);
}

static int watch_for_exit(pid_t one, pid_t other)
{
    struct kevent wanted[2];
    int queue = kqueue();
    EV_SET(&wanted[0], (uintptr_t)one, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    EV_SET(&wanted[1], (uintptr_t)other, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    return queue < 0 || kevent(queue, wanted, 2, NULL, 0, NULL) < 0 ? -1 : queue;
}

/* Whether `parent` ended while `self` is still there. Both are asked for at once, so that the
 * end of `self`, whose number may then be another's, is never missed. */
static bool only_parent_ended(int queue, pid_t self)
{
    struct kevent ended[2];
    int count;
    do
        count = kevent(queue, NULL, 0, ended, 2, NULL);
    while (count < 0 && errno == EINTR);
    for (int i = 0; i < count; i++)
        if ((pid_t)ended[i].ident == self)
            return false;
    return count > 0;
}

static _Noreturn void run_watcher(pid_t parent, pid_t self, int announce)
{
    int queue = watch_for_exit(self, parent);
    unsigned char problem = queue < 0 ? (unsigned char)errno : 0;
    bool announced = write(announce, &problem, 1) == 1;
    if (queue < 0 || !announced || setsid() < 0 || chdir("/") != 0)
        _exit(1);
    close_descriptors_but(queue);
    if (only_parent_ended(queue, self))
        kill(self, SIGTERM);
    _exit(0);
}

static void start_watcher(pid_t parent, int announce)
{
    pid_t self = getpid();
    pid_t between = fork();
    if (between == 0) {
        pid_t watcher = fork();
        if (watcher == 0)
            run_watcher(parent, self, announce);
        _exit(watcher < 0);
    }
    if (between < 0)
        fail(EXIT_GUARD, "the process that watches the parent cannot be made: %s",
             strerror(errno));
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void guard(pid_t parent)
{
    int news[2];
    unsigned char problem;
    ssize_t size;
    let_sigterm_through();
    if (parent == 1)
        return; /* launchd does not end before us */
    if (pipe(news) != 0)
        fail(EXIT_GUARD, "a pipe to the watcher cannot be made: %s", strerror(errno));
    start_watcher(parent, news[1]);
    close(news[1]);
    do
        size = read(news[0], &problem, 1);
    while (size < 0 && errno == EINTR);
    close(news[0]);
    refuse_orphan(parent);
    if (size != 1 || problem != 0)
        fail(EXIT_GUARD, "the parent cannot be watched: %s",
             size == 1 ? strerror(problem) : "the watcher ended");
}

#else

/* The kernel's wish survives exec of a program without set-id bits or capabilities. It follows
 * the parent's *thread* that started us; parents that start us from a thread must keep it. */
static void guard(pid_t parent)
{
    let_sigterm_through();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        fail(EXIT_GUARD, "the parent cannot be watched: %s", strerror(errno));
    refuse_orphan(parent);
}

#endif

/* Start */

static bool take_option(char ***arguments, const char *option)
{
    bool found = **arguments != NULL && strcmp(**arguments, option) == 0;
    *arguments += found;
    return found;
}

static struct request take_options(char ***arguments)
{
    struct request request = {.detach = take_option(arguments, OPTION_DETACH)};
    request.python = take_option(arguments, OPTION_PYTHON);
    request.info = !request.python && take_option(arguments, OPTION_INFO);
    return request;
}

static void check_files(const struct plan *plan)
{
    struct stat status;
    if (stat(plan->interpreter, &status) != 0)
        fail(EXIT_INTERPRETER, "the interpreter %s is missing: %s", plan->interpreter,
             strerror(errno));
    if (!S_ISREG(status.st_mode))
        fail(EXIT_INTERPRETER, "the interpreter %s is not a file", plan->interpreter);
    if (access(plan->interpreter, X_OK) != 0)
        fail(EXIT_INTERPRETER, "the interpreter %s is not executable: %s", plan->interpreter,
             strerror(errno));
    if (stat(plan->script, &status) != 0)
        fail(EXIT_SCRIPT, "the script %s is missing: %s", plan->script, strerror(errno));
}

static _Noreturn void start(const struct plan *plan, bool with_script, char **arguments)
{
    struct list command = {0};
    list_add(&command, plan->interpreter);
    for (size_t i = 0; i < plan->arguments.count; i++)
        list_add(&command, plan->arguments.items[i]);
    if (with_script)
        list_add(&command, plan->script);
    for (; *arguments != NULL; arguments++)
        list_add(&command, *arguments);
    execve(plan->interpreter, command.items, environ);
    bool foreign = errno == ENOENT || errno == ENOEXEC; /* it is there: its loader is not */
    fail(EXIT_START, "%s cannot be started: %s%s", plan->interpreter, strerror(errno),
         foreign ? "; is it made for this system?" : "");
}

int main(int argc, char **argv)
{
    pid_t parent = getppid(); /* first, so that a parent that ends from here on is noticed */
    char **arguments = argc > 0 ? argv + 1 : argv;
    struct request request = take_options(&arguments);
    struct place place = place_of(own_path());
    program_name = place.name;
    struct config config = read_config(place.cfg, fopen(place.cfg, "rbe"));
    struct plan plan = make_plan(&place, &config);
    plan.guarded = !request.detach;
    find_certificates(&plan);
    check_files(&plan);
    if (request.info) {
        print_info(&place, &plan);
        return EXIT_SUCCESS;
    }
    isolate(&plan);
    if (plan.guarded)
        guard(parent);
    start(&plan, !request.python, arguments);
}
