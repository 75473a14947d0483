/* The launcher: locate -> read cfg -> isolate -> guard -> start.
 *
 * config.c reads the cfg and says what is wrong with it, common.c makes the plan of it, unix.c and
 * windows.c each hold one main() that goes through the five steps with that system's calls; what
 * their steps need lies in the files named after them. The guard is unix_guard.c with
 * guard_linux.c or guard_macos.c and family.c, and windows_guard.c. All text is UTF-8, on Windows
 * too: its files convert where they call the system. Nothing is freed: the process is replaced
 * (Unix) or does nothing but wait (Windows) a millisecond later.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes of the launcher itself. Any other code is the interpreter's. */
enum exit_code {
    EXIT_INTERNAL = 70,    /* out of memory, or standard output cannot be written to */
    EXIT_LOCATE = 71,      /* the launcher's own path cannot be told */
    EXIT_CFG_MISSING = 72, /* no cfg beside the launcher, or it cannot be read */
    EXIT_CFG_INVALID = 73, /* the cfg says something that is not understood */
    EXIT_INTERPRETER = 74, /* the interpreter is missing or not executable */
    EXIT_START = 75,       /* the system refused to start the interpreter */
    EXIT_GUARD = 76,       /* the parent cannot be watched, or it is gone */
    EXIT_SCRIPT = 77,      /* the script is missing */
};

enum limit {
    CFG_SIZE_LIMIT = 64 * 1024, /* bytes of a cfg */
    LINE_LIMIT = 4096,          /* bytes of one of its lines */
    MESSAGE_LIMIT = 16 * 1024,  /* bytes of a message: room for two of Linux's longest paths */
    PATH_LIMIT = 32 * 1024,     /* bytes or UTF-16 units of a path: Windows' own limit */
    LOG_SIZE_LIMIT = 1 << 20,   /* bytes of a log before it starts afresh */
};

#define CFG_SUFFIX ".cfg"
#define ROOT_REFERENCE "${root}" /* in the value of an environment setting: the tree's root */
#define LOG_NAME "launcher.log"

/* Our own options; each counts only before the first argument that is not one of them. */
#define OPTION_DETACH "--runtime-detach" /* may outlive the parent */
#define OPTION_STDIN "--runtime-exit-on-stdin-eof" /* ends when standard input does */
#define OPTION_PYTHON "--runtime-python" /* the interpreter without the script */
#define OPTION_INFO "--runtime-info"     /* print as JSON what would be started */

#ifdef _WIN32
#define SEPARATOR '\\'
#define compare_names _strnicmp /* names of environment variables ignore case */
#else
#define SEPARATOR '/'
#define compare_names strncmp
#endif

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* A growing array of strings; `items` always ends with a NULL once something was added. */
struct list {
    char **items;
    size_t count;
    size_t capacity;
};

/* What the cfg says. */
struct config {
    char *interpreter; /* relative to the root */
    char *script;      /* relative to the root */
    struct list arguments;
    struct list environment; /* NAME=VALUE, ${root} not yet expanded */
};

/* Where we are. */
struct place {
    char *launcher; /* real path of this program */
    char *root;     /* its directory */
    char *name;     /* its file name, without .exe */
    char *cfg;      /* path of its configuration */
};

/* What the command line asks of the launcher itself. */
struct request {
    bool detach;
    bool stdin_eof;
    bool python;
    bool info;
};

/* What will be started. */
struct plan {
    char *interpreter; /* absolute */
    char *script;      /* absolute */
    struct list arguments;
    struct list set;     /* NAME=VALUE */
    struct list kept;    /* names the cfg sets but the user has set already */
    struct list removed; /* names */
    bool guarded;   /* ends with its parent, and its family with it */
    bool stdin_eof; /* ends when the other end of standard input is closed, too */
};

/* common.c */
extern const char *program_name; /* for messages; a placeholder until we know where we are */
_Noreturn void fail(enum exit_code code, const char *format, ...) PRINTF_LIKE(2, 3);
void *allocate(size_t size);
char *format_text(const char *format, ...) PRINTF_LIKE(1, 2);
void list_add(struct list *list, char *item);
size_t character_size(const unsigned char *text);
struct place place_of(char *launcher);
struct plan make_plan(const struct place *place, const struct config *config,
                      const struct request *request);
bool is_python_variable(const char *entry);
char *name_of(const char *entry);
void print_info(const struct place *place, const struct plan *plan);

/* config.c */
struct config read_config(const char *path, FILE *stream);

/* unix_report.c and windows_report.c */
void report(const char *sentence); /* stderr, else a log (and a dialog on Windows) */

/* unix.c and windows.c */
bool variable_is_set(const char *name); /* present and not empty */
struct list python_variables(void);     /* names of those that would reach the interpreter */

#endif
