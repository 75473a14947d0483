/* Linux and macOS: the interpreter takes this process over, so pid and signals are its own. */
#include "on_unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

extern char **environ;

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

/* Start */

static bool take_option(char ***arguments, const char *option)
{
    bool found = **arguments != NULL && strcmp(**arguments, option) == 0;
    *arguments += found;
    return found;
}

static struct request take_options(char ***arguments)
{
    struct request request = {0};
    for (bool ours = true; ours;) {
        if (take_option(arguments, OPTION_DETACH))
            request.detach = true;
        else if (take_option(arguments, OPTION_STDIN))
            request.stdin_eof = true;
        else
            ours = false;
    }
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
             why_not_started(plan->interpreter, errno));
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
    fail(EXIT_START, "%s cannot be started: %s", plan->interpreter,
         why_not_started(plan->interpreter, errno));
}

int main(int argc, char **argv)
{
    pid_t parent = getppid(); /* first, so that a parent that ends from here on is noticed */
    char **arguments = argc > 0 ? argv + 1 : argv;
    struct request request = take_options(&arguments);
    struct place place = place_of(own_path());
    program_name = place.name;
    struct config config = read_config(place.cfg, fopen(place.cfg, "rbe"));
    struct plan plan = make_plan(&place, &config, &request);
    find_certificates(&plan);
    check_files(&plan);
    if (request.info) {
        print_info(&place, &plan);
        return EXIT_SUCCESS;
    }
    isolate(&plan);
    if (plan.guarded)
        guard(parent, plan.stdin_eof, argv);
    else
        leave_family();
    start(&plan, !request.python, arguments);
}
